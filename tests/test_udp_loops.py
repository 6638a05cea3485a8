"""What one UDP door says is not answered by another: nothing goes round for ever."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chat.members import Server
from tests.files.test_tftp_doors import Bench
from twisted_net.chat.codec import datagram as chat
from twisted_net.chat.codec.datagram import Key, Type, packed
from twisted_net.files.tftp import codec as tftp

SHORT = st.text(max_size=30)

TFTP = st.one_of(
    st.builds(tftp.Data, st.integers(0, 65535), st.binary(max_size=600)),
    st.builds(tftp.Ack, st.integers(0, 65535)),
    st.builds(tftp.Error, st.integers(0, 65535), SHORT),
    st.builds(tftp.OptionAck, st.dictionaries(st.sampled_from(["tsize", "blksize"]), SHORT)),
).map(tftp.render)

CHAT = st.builds(
    chat.Packet,
    st.sampled_from(list(Type)),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.dictionaries(st.sampled_from(list(Key)), st.binary(max_size=60)).map(packed),
    st.sampled_from([chat.Flag.NONE, chat.Flag.RESPONDER]),
).map(chat.encode)


def at_tftp(root: Path, datagram: bytes) -> list[object]:
    """Return what the TFTP door answers."""
    bench = Bench(root)
    bench.door.datagramReceived(datagram, ("192.0.2.1", 40000))
    return list(bench.port.sent)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply=TFTP)
def test_what_tftp_says_is_answered_by_no_door(tmp_path: Path, reply: bytes) -> None:
    """Whoever it is said to come from."""
    assert at_tftp(tmp_path, reply) == []
    assert Server().sent(reply) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply=CHAT)
def test_what_the_chat_says_is_not_answered_by_tftp(tmp_path: Path, reply: bytes) -> None:
    """Not even that it is no TFTP."""
    assert at_tftp(tmp_path, reply) == []
