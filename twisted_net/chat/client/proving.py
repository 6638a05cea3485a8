"""Proving an account over a datagram session, by SCRAM, so that no password is ever said."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from twisted_net.chat.client.base import RefusedError, Request
from twisted_net.chat.codec import actions
from twisted_net.chat.codec.messages import Code, Login, Reply
from twisted_net.chat.core.scram import ScramClient, prepared


@dataclass(eq=False, slots=True)
class Proof(Request):
    """A message of SCRAM, and what came back.

    :ivar scram: the server's message.
    """

    scram: bytes = b""


async def prove(
    command: Login, dice: Random, send: Callable[[bytes, Proof], None]
) -> tuple[bytes, list[Reply]]:
    """Prove an account.

    :param send: sends a body, and hands the answer to what waits for it.
    :return: a key that only the two sides know, and what the server replied at last.
    :raises RefusedError: the password can be nobody's, or is another one.
    :raises ScramError: whoever answers does not know the account.
    """

    async def say(message: bytes) -> Proof:
        step = Proof(command)
        send(actions.login(message), step)
        await step.done
        return step

    try:
        proof = ScramClient(command.account, prepared(command.password), dice)
        salt = await say(proof.first())
        last = await say(proof.final(salt.scram))
        proof.verify(last.scram)
    except ValueError as error:
        raise RefusedError(Code.INVALID, str(error)) from error
    return proof.key, last.replies
