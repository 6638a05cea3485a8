"""Tests of `twisted_net.chat.accounts`."""

import hmac
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from tests.chat.members import dice
from tests.chat.stores import Threaded, answer, failed, filed, raised
from twisted_net.chat.accounts import penalties, realm
from twisted_net.chat.accounts.book import CERTIFICATES, Book
from twisted_net.chat.accounts.checkers import Auth, Password
from twisted_net.chat.accounts.penalties import Penalties
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.core.sasl import Challenge, Denied, Granted
from twisted_net.chat.core.scram import Credentials, ScramClient, pretended
from twisted_net.chat.store.accounts import FiledAccounts, load, secret
from twisted_net.chat.store.writer import GATHER
from twisted_net.net.errors import StartError

T = TypeVar("T")

FEW = 4096
PENCIL = "pencil"
HERE = "127.0.0.1"
THERE = "192.0.2.7"


class Office:
    """Accounts on a clock."""

    def __init__(self, clock: Threaded | None = None, **options: Any) -> None:
        self.clock = clock or Threaded()
        self.accounts = Accounts(self.clock, dice(1), iterations=FEW, **options)

    def of(self, asked: "Deferred[T]") -> T:
        """Return an answer, or raise it."""
        self.clock.settle()
        self.clock.pump([GATHER, 0, 0])
        if failed(asked):
            raised(asked)
        return answer(asked)

    def registers(self, name: str, password: str = PENCIL, host: str = HERE) -> str:
        """Make an account."""
        return str(self.of(self.accounts.register(name, password, host)))

    def logs_in(self, name: str, password: str = PENCIL, host: str = THERE) -> str:
        """Check a password."""
        return str(self.of(self.accounts.check(name, password, host)))


@pytest.fixture
def office() -> Office:
    """Return an office with one account."""
    made = Office()
    assert made.registers("Red") == "Red"
    return made


def test_whoever_knows_the_password_owns_the_account(office: Office) -> None:
    """Under its name as it was registered, however it was typed."""
    assert office.logs_in("red") == "Red"
    assert office.accounts.registered("RED") == "Red"
    assert office.accounts.registered("blue") is None
    for name, password in (("red", "x"), ("blue", "pencil"), ("red", ""), ("red", "a\x07")):
        with pytest.raises(Refusal, match="401 wrong account or password") as refused:
            office.logs_in(name, password)
        assert refused.value.why is Why.WRONG_PASSWORD


def test_a_name_that_reads_like_a_registered_one_is_not_free(office: Office) -> None:
    """Neither for an account nor for anything else."""
    for name in ("red", "\uff32\uff25\uff24", "Red"):
        assert office.accounts.registered(name) == "Red"
        with pytest.raises(Refusal, match=r"409 name '.*' is taken"):
            office.registers(name)


def test_nobody_registers_the_name_of_somebody_who_is_there(office: Office) -> None:
    """But their own."""
    office.accounts.present = lambda name: name == "blue"
    with pytest.raises(Refusal, match="409"):
        office.registers("blue")
    assert office.of(office.accounts.register("blue", "x", HERE, "Blue")) == "blue"


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("no body", "x", "422 name: 1-24"),
        ("", "x", "422 name: 1-24"),
        ("blue", "", "422 password: 1-1024 bytes"),
        ("blue", "x" * 1025, "422 password: 1-1024 bytes"),
        ("blue", "\x00", "422 password: no control characters"),
    ],
)
def test_a_name_or_a_password_that_cannot_be_is_refused(
    office: Office, name: str, password: str, why: str
) -> None:
    """In words that say what can."""
    with pytest.raises(Refusal, match=why):
        office.registers(name, password)


def test_two_who_register_one_name_at_one_time_do_not_both_get_it(office: Office) -> None:
    """The slow part is in a thread, in which nothing is taken yet."""
    first = office.accounts.register("blue", "one", HERE)
    with pytest.raises(Refusal, match="409"):
        office.registers("Blue", "two")
    assert office.of(first) == "blue"
    assert office.logs_in("blue", "one") == "blue"


def test_where_strangers_may_not_register_they_are_told(office: Office) -> None:
    """Whoever has an account still gets in."""
    with pytest.raises(Refusal, match="403 nobody may make accounts here"):
        Office(strangers=False).registers("red")


def test_guessing_costs_time(office: Office) -> None:
    """Five wrong ones, and the right one has to wait too, but only from there."""
    for _ in range(penalties.TRIES):
        with pytest.raises(Refusal, match="401"):
            office.logs_in("red", "x")
    with pytest.raises(Refusal, match=r"429 too many wrong passwords: wait 30 s") as refused:
        office.logs_in("red")
    assert (refused.value.code, refused.value.why) == (Code.SLOW, Why.SLOW)
    assert office.logs_in("red", host=HERE) == "Red"
    office.clock.advance(penalties.EVERY)
    assert office.logs_in("red") == "Red"


def test_guessing_many_at_one_time_is_no_way_round(office: Office) -> None:
    """A try counts before its outcome is known."""
    tries = [office.accounts.check("red", f"{n}", THERE) for n in range(50)]
    office.clock.settle()
    codes = []
    for each in tries:
        with pytest.raises(Refusal) as refused:
            raised(each)
        codes.append(refused.value.code)
    assert codes.count(Code.NAMELESS) == penalties.TRIES
    assert codes.count(Code.SLOW) == 50 - penalties.TRIES


def test_the_right_password_costs_nothing(office: Office) -> None:
    """A script may log in as often as it wants."""
    for _ in range(3 * penalties.TRIES):
        assert office.logs_in("red") == "Red"


def test_one_address_makes_a_few_accounts_and_then_waits(office: Office) -> None:
    """This machine makes as many as it wants."""
    for n in range(realm.MADE):
        office.registers(f"a{n}", host=THERE)
    with pytest.raises(Refusal, match=r"429 too many accounts: wait 120 s"):
        office.registers("more", host=THERE)
    office.registers("more", host=HERE)
    office.registers("other", host="192.0.2.8")


def test_only_so_many_passwords_are_looked_at_at_one_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest wait, and not without end: threads are for everybody."""
    monkeypatch.setattr(realm, "WAITING", 3)
    tries = [office.accounts.check("red", "pencil", f"192.0.2.{n}") for n in range(5)]
    office.clock.settle()
    assert [answer(each) for each in tries[:3]] == ["Red"] * 3
    for each in tries[3:]:
        with pytest.raises(Refusal, match="503 too many passwords are being checked"):
            raised(each)
    assert office.logs_in("red") == "Red"


def test_scram_and_plain_lead_to_the_same_account(office: Office) -> None:
    """Over SASL, without anybody but the accounts having to look anything up."""
    assert list(office.accounts.mechanisms(private=True)) == ["SCRAM-SHA-256", "PLAIN"]
    plain = office.accounts.attempt("PLAIN", THERE, private=True)
    assert plain is not None
    assert office.of(plain.respond(b"\0red\0pencil")) == Granted("Red")
    scram = office.accounts.attempt("SCRAM-SHA-256", THERE, private=False)
    assert scram is not None
    client = ScramClient("red", b"pencil", dice(2))
    first = office.of(scram.respond(client.first()))
    assert isinstance(first, Challenge)
    last = office.of(scram.respond(client.final(first.data)))
    assert isinstance(last, Challenge)
    client.verify(last.data)
    assert office.of(scram.respond(b"")) == Granted("Red")
    assert office.accounts.attempt("PLAIN", THERE, private=False) is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_guessing_by_sasl_costs_as_much(office: Office, mechanism: str) -> None:
    """Whichever mechanism; the sixth attempt does not even begin."""
    for _ in range(penalties.TRIES):
        attempt = office.accounts.attempt(mechanism, THERE, private=True)
        assert attempt is not None
        if mechanism == "PLAIN":
            outcome = office.of(attempt.respond(b"\0red\0wrong"))
        else:
            client = ScramClient("red", b"wrong", dice(2))
            first = office.of(attempt.respond(client.first()))
            assert isinstance(first, Challenge)
            outcome = office.of(attempt.respond(client.final(first.data)))
        assert isinstance(outcome, Denied)
    with pytest.raises(Refusal, match="429"):
        office.accounts.attempt(mechanism, THERE, private=True)


def test_a_certificate_stands_for_its_account(office: Office) -> None:
    """And for no other; a few for each."""
    accounts = office.accounts
    office.registers("blue")
    office.of(accounts.certify("red", "ab" * 32))
    attempt = accounts.attempt("EXTERNAL", THERE, private=True, fingerprint="ab" * 32)
    assert attempt is not None
    assert office.of(attempt.respond(b"")) == Granted("Red")
    with pytest.raises(Refusal, match="409 another account"):
        office.of(accounts.certify("blue", "ab" * 32))
    for n in range(1, CERTIFICATES):
        office.of(accounts.certify("red", f"{n}"))
    with pytest.raises(Refusal, match="503 too many certificates"):
        office.of(accounts.certify("red", "one more"))
    assert accounts.attempt("EXTERNAL", THERE, True, "cd" * 32) is None
    with pytest.raises(Refusal, match="403 somebody else looks after"):
        office.of(accounts.certify("nobody", "cd" * 32))


def test_accounts_outlive_the_server(tmp_path: Path) -> None:
    """In the file, where no password is; and who is not there stays as unknown as before."""

    def opened() -> tuple[Office, Any]:
        clock = Threaded()
        file = filed(clock, tmp_path / "chat.db")
        office = Office(
            clock,
            book=file.now(load),
            keeper=FiledAccounts(file),
            secret=file.now(
                lambda c: secret(c, "accounts", dice(len(tmp_path.parts)).randbytes(32))
            ),
        )
        return office, file

    office, file = opened()
    assert office.of(office.accounts.register("Red", "pencil", HERE)) == "Red"
    office.of(office.accounts.certify("red", "ab" * 32))
    pretended = office.accounts.credentials("nobody")
    file.stop()
    office, file = opened()
    assert office.logs_in("RED") == "Red"
    assert office.accounts.credentials("nobody") == pretended
    assert office.accounts.attempt("EXTERNAL", THERE, True, "ab" * 32) is not None
    office.of(office.accounts.uncertify("red", "ab" * 32))
    file.stop()
    office, file = opened()
    assert office.accounts.attempt("EXTERNAL", THERE, True, "ab" * 32) is None
    file.stop()
    assert b"pencil" not in (tmp_path / "chat.db").read_bytes()


@pytest.mark.logs("ZeroDivisionError")
def test_an_account_that_cannot_be_kept_is_none() -> None:
    """The disk may be full; whoever asked is told, and may try again."""

    class Broken:
        def keep(self, entry: object) -> "Deferred[None]":
            return fail(ZeroDivisionError())

        certify: Any = keep

    office = Office(keeper=Broken())
    with pytest.raises(Refusal, match="503 accounts cannot be kept now"):
        office.registers("red")
    assert office.accounts.registered("red") is None


def test_there_are_not_more_accounts_than_fit_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers make them."""
    monkeypatch.setattr("twisted_net.chat.accounts.book.MOST", 1)
    office = Office()
    office.registers("red")
    with pytest.raises(Refusal, match="503 too many accounts"):
        office.registers("blue")


def test_a_struck_out_account_is_free_again(office: Office) -> None:
    """Its certificates belong to nobody."""
    book = Book()
    entry = office.accounts._book.get("red")
    assert entry is not None
    book.add(entry)
    book.certify("ab", "red")
    book.remove("RED")
    book.remove("nobody")
    assert (len(book), book.alike("red"), book.certified("ab")) == (0, None, "")


# --auth


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """Return a file with users, as `twisted.cred` reads it."""
    path = tmp_path / "passwords"
    path.write_bytes(b"green:leaf\nbad line\n")
    path.chmod(0o600)
    return path


def test_accounts_of_somebody_else_s_are_as_good(passwords: Path) -> None:
    """Their names are theirs too, and a change of the file counts at once."""
    office = Office(auth=Auth(f"file:{passwords}"))
    office.registers("red")
    assert office.logs_in("green", "leaf") == "green"
    assert office.logs_in("red") == "red"
    assert office.accounts.registered("green") == "green"
    assert office.accounts.registered("blue") is None
    with pytest.raises(Refusal, match="401"):
        office.logs_in("green", "wrong")
    with pytest.raises(Refusal, match="409"):
        office.registers("green")
    passwords.unlink()
    assert office.accounts.registered("blue") is None


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ("file:/nope", "--auth: cannot read '/nope'"),
        ("file:", "--auth: cannot read '.'"),
        ("nope:x", "--auth 'nope:x': unknown type 'nope'; need one of: file, memory"),
        ("anonymous", "--auth 'anonymous': 'anonymous' checks no passwords"),
        ("memory:odd", "--auth 'memory:odd': "),
    ],
)
def test_an_auth_that_lets_nobody_in_does_not_start(description: str, why: str) -> None:
    """In one line that names it."""
    with pytest.raises(StartError) as error:
        Auth(description)
    assert str(error.value).startswith(why)


def test_a_file_without_users_does_not_start(passwords: Path) -> None:
    """It would let nobody in."""
    passwords.write_bytes(b"\n# nothing\n:x\nx:\n")
    with pytest.raises(StartError, match=r"has no users; need lines of name:password"):
        Auth(f"file:{passwords}")


def test_a_file_that_everybody_can_read_is_pointed_out(passwords: Path) -> None:
    """It starts: the file may be on a machine with only one user."""
    passwords.chmod(0o644)
    with capturedLogs() as logged:
        Auth(f"file:{passwords}")
    assert ["everybody" in each["log_format"] for each in logged] == [True]


def test_a_password_is_compared_in_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one in a file, which Twisted compares letter by letter."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert Password(b"x", b"secret").checkPassword(b"secret")
    assert not Password(b"x", b"secret").checkPassword(b"secreT")
    assert len(compared) == 2


def test_who_is_not_there_takes_as_long_as_who_is(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow part is done for both, and as often."""
    rounds: list[int] = []

    def derive(password: bytes, salt: bytes, iterations: int) -> Credentials:
        rounds.append(iterations)
        return pretended("x", b"", iterations)

    monkeypatch.setattr("twisted_net.chat.core.scram.derive", derive)
    for name in ("red", "nobody"):
        with pytest.raises(Refusal, match="401"):
            office.logs_in(name, "wrong")
    assert rounds == [FEW, FEW]


@pytest.mark.logs("ZeroDivisionError")
def test_a_checker_that_breaks_or_sleeps_is_not_waited_for(passwords: Path) -> None:
    """It may ask a server that is gone."""
    auth = Auth(f"file:{passwords}")
    office = Office(auth=auth)
    waiting: list[Deferred[bytes]] = []

    def sleeps(credentials: object) -> "Deferred[bytes]":
        waiting.append(Deferred())
        return waiting[0]

    auth.checker.requestAvatarId = sleeps
    login = office.accounts.check("green", "leaf", THERE)
    office.clock.settle()
    office.clock.advance(realm.WITHIN)
    with pytest.raises(Refusal, match="503 passwords cannot be checked now"):
        raised(login)

    def breaks(credentials: object) -> "Deferred[bytes]":
        raise ZeroDivisionError

    auth.checker.requestAvatarId = breaks
    with pytest.raises(Refusal, match="503 passwords cannot be checked now"):
        office.logs_in("green", "leaf")


# Penalties


def test_tries_come_back_one_by_one() -> None:
    """And never more than there were."""
    limits = Penalties(2, 10.0)
    assert [limits.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert limits.wait("a", 0.0) == 10.0
    assert limits.wait("a", 5.0) == 5.0
    assert [limits.take("a", 10.0) for _ in range(2)] == [True, False]
    assert [limits.take("a", 1000.0) for _ in range(3)] == [True, True, False]
    limits.give_back("a", 1000.0)
    assert limits.take("a", 1000.0)
    assert not limits.take("a", 990.0)  # a clock that is set back gives nothing


def test_one_network_of_ipv6_is_one_peer() -> None:
    """It has more addresses than anybody can count."""
    limits = Penalties(1, 10.0)
    assert limits.take("2001:db8::1", 0.0)
    assert not limits.take("2001:db8::2", 0.0)
    assert limits.take("2001:db8:0:1::1", 0.0)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.floats(0, 100)), max_size=50))
def test_what_is_remembered_is_bounded(steps: list[tuple[int, bool, float]]) -> None:
    """Whoever comes from however many addresses."""
    before = penalties.ADDRESSES
    penalties.ADDRESSES = 4
    try:
        limits = Penalties(2, 10.0)
        now = 0.0
        for host, take, wait in steps:
            now += wait
            if take:
                limits.take(f"192.0.2.{host}", now)
            else:
                limits.give_back(f"192.0.2.{host}", now)
            assert len(limits) <= 4
            assert limits.wait(f"192.0.2.{host}", now) <= 10.0
    finally:
        penalties.ADDRESSES = before
