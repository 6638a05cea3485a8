/* What a server of TFTP does for every block, compiled: `Timeout`, `Sender` and `Crowd`.

The first two are bases of the classes of those names in core/, and do in `measured`, `_go_on` and
`read_ahead` what these do, on the same fields; a Crowd reads and answers for the sockets of many
transfers. What is not the ACK of all that is in the air, from the peer, with another window of full
blocks behind it, is left to the Python, which finds every field where it expects it. Nothing here
waits, but for a disk as the Python would: the GIL is held. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef Py_GIL_DISABLED
#error "the GIL keeps threads apart here"
#endif

/* As in core/timing.py. */
static const double FLOOR = 0.1, CEILING = 5.0;

/* Bytes of a packet's header, of a train at most (as in trains.py), and of what is read ahead, unless
   a window is longer: what many senders have there fits a processor's own memory. Blocks of these. */
enum { HEADER = 4, LONGEST_TRAIN = 65507, AHEAD = 16384, MOST_BLOCKS = 64 };

/* Sockets that are read before any is answered; datagrams, about, after which others than this crowd
   have their turn; bytes of the longest one. */
enum { AT_ONCE = 64, MOST = 256, LONGEST = 65535 };

static struct {
    PyObject *datagrams_sent, *received, *sent, *stepped;
} names;

/* Time */

typedef struct {
    PyObject_HEAD
    double seconds, fastest, mean, spread;
    char fixed;
} Timeout;

static PyTypeObject TimeoutType;

static void
learn(Timeout *self, double took)
{
    double off;

    if (took < self->fastest)
        self->fastest = took;
    if (self->fixed)
        return;
    if (self->mean != 0.0) {
        off = took - self->mean;
        self->spread += 0.25 * ((off > 0 ? off : -off) - self->spread);
        self->mean += 0.125 * off;
    }
    else {
        self->mean = took;
        self->spread = took / 2;
    }
    self->seconds = self->mean + 4 * self->spread;
    if (self->seconds < FLOOR)
        self->seconds = FLOOR;
    else if (self->seconds > CEILING)
        self->seconds = CEILING;
}

static PyObject *
timeout_measured(Timeout *self, PyObject *took)
{
    double seconds = PyFloat_AsDouble(took);

    if (seconds == -1.0 && PyErr_Occurred())
        return NULL;
    learn(self, seconds);
    Py_RETURN_NONE;
}

static PyMemberDef timeout_members[] = {
    {"seconds", T_DOUBLE, offsetof(Timeout, seconds)},
    {"fastest", T_DOUBLE, offsetof(Timeout, fastest)},
    {"_mean", T_DOUBLE, offsetof(Timeout, mean)},
    {"_spread", T_DOUBLE, offsetof(Timeout, spread)},
    {"_fixed", T_BOOL, offsetof(Timeout, fixed)},
    {NULL}
};

static PyMethodDef timeout_methods[] = {
    {"measured", (PyCFunction)timeout_measured, METH_O, "Learn from one round trip."},
    {NULL}
};

static PyTypeObject TimeoutType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "twisted_net.files.tftp._lockstep.Timeout",
    .tp_doc = "What core.timing.Timeout learns from every answer.",
    .tp_basicsize = sizeof(Timeout),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_methods = timeout_methods,
    .tp_members = timeout_members,
};

/* Blocks */

typedef struct {
    PyObject_HEAD
    PyObject *timeout;
    Py_ssize_t acked, until, next_until, expected, echoes, moved, tries;
    double sent_at, rings_at, deadline;
    char waits, resent;         /* there is a deadline */
    /* What is sent, see `prepare`: the last block's number, and … */
    Py_ssize_t last, blksize, window, rollover;
    int file;                   /* -1: there is none */
    /* … packets that lie ready, of the blocks from `first` to `laid`, and room for how many. */
    char *packets;
    Py_ssize_t first, laid, room;
} Sender;

static PyTypeObject SenderType;

/* A block's number, as core/numbers.py has it. */
static Py_ssize_t
number(const Sender *self, Py_ssize_t block)
{
    if (block < 65536)
        return block;
    return (block - self->rollover) % (65536 - self->rollover) + self->rollover;
}

/* Read blocks, the first of them this one, between their headers; return whether a window lies
   ready then. The file's last block is left to who looks whether the file has changed. */
static int
lay(Sender *self, Py_ssize_t first)
{
    struct iovec blocks[MOST_BLOCKS];
    Py_ssize_t count = self->last - first, at, named;
    char *packet = self->packets;

    if (count > self->room)
        count = self->room;
    if (count < self->window)
        return 0;
    self->laid = 0;             /* until it is true again */
    for (at = 0; at < count; at++, packet += HEADER + self->blksize) {
        named = number(self, first + at);
        packet[0] = 0;
        packet[1] = 3;
        packet[2] = (char)(named >> 8);
        packet[3] = (char)named;
        blocks[at].iov_base = packet + HEADER;
        blocks[at].iov_len = (size_t)self->blksize;
    }
    if (preadv(self->file, blocks, (int)count, (off_t)(first - 1) * self->blksize)
        != count * self->blksize)
        return 0;               /* `lay_out` will say why, when it is that block's turn */
    self->first = first;
    self->laid = first + count - 1;
    return 1;
}

/* Prepare the next window (Sender.read_ahead). */
static void
read_ahead(Sender *self)
{
    Py_ssize_t after = self->until + self->window;

    if (!self->waits || self->file < 0 || !self->acked || self->resent || self->tries
        || self->until < 0 || after >= self->last)
        return;
    if (self->first > self->until + 1 || self->laid < after)
        if (!lay(self, self->until + 1))
            return;
    self->next_until = after;
    self->expected = number(self, self->until);
}

/* Whether the packets up to `next_until` lie ready: somebody may have set anything. */
static int
is_ready(const Sender *self)
{
    return self->file >= 0 && self->first <= self->until + 1 && self->next_until <= self->laid
        && self->next_until - self->until == self->window && self->timeout != NULL
        && PyObject_TypeCheck(self->timeout, &TimeoutType);
}

/* Go on to the next window, which is ready; return where it is (Sender._go_on). */
static char *
step(Sender *self, double now)
{
    char *packets = self->packets + (self->until + 1 - self->first) * (HEADER + self->blksize);

    learn((Timeout *)self->timeout, now - self->sent_at);
    self->echoes = 0;
    self->acked = self->until;
    self->moved = self->acked * self->blksize;
    self->until = self->next_until;
    self->expected = -1;
    self->sent_at = now;
    self->deadline = now + ((Timeout *)self->timeout)->seconds;
    self->waits = 1;
    return packets;
}

static PyObject *
sender_go_on(Sender *self, PyObject *now)
{
    double seconds = PyFloat_AsDouble(now);
    PyObject *packets, *train;

    if (seconds == -1.0 && PyErr_Occurred())
        return NULL;
    if (!is_ready(self)) {
        PyErr_SetString(PyExc_RuntimeError, "nothing is ready to be sent");
        return NULL;
    }
    packets = PyBytes_FromStringAndSize(step(self, seconds),
                                        self->window * (HEADER + self->blksize));
    train = packets == NULL ? NULL : PyMemoryView_FromObject(packets);
    Py_XDECREF(packets);
    return train == NULL ? NULL : Py_BuildValue("[N]", train);
}

static PyObject *
sender_read_ahead(Sender *self, PyObject *Py_UNUSED(ignored))
{
    read_ahead(self);
    Py_RETURN_NONE;
}

static PyObject *
sender_prepare(Sender *self, PyObject *args)
{
    Py_ssize_t last, blksize, window, rollover, length, room;
    int file;

    if (!PyArg_ParseTuple(args, "innnn:_prepare", &file, &last, &blksize, &window, &rollover))
        return NULL;
    if (blksize < 1 || blksize > LONGEST || window < 1 || rollover < 0 || rollover > 1) {
        PyErr_SetString(PyExc_ValueError, "not what two sides can agree on");
        return NULL;
    }
    self->expected = self->file = -1;
    self->laid = 0;
    length = window > MOST_BLOCKS ? LONGEST_TRAIN + 1 : window * (HEADER + blksize);
    if (length > LONGEST_TRAIN)
        Py_RETURN_NONE;
    room = window;
    while (room + window <= MOST_BLOCKS && (room + window) * (HEADER + blksize) <= AHEAD)
        room += window;
    PyMem_Free(self->packets);
    self->packets = PyMem_Malloc((size_t)(room * (HEADER + blksize)));
    if (self->packets == NULL)
        return PyErr_NoMemory();
    self->last = last;
    self->blksize = blksize;
    self->window = window;
    self->rollover = rollover;
    self->room = room;
    self->file = file;
    Py_RETURN_NONE;
}

static PyObject *
get_deadline(Sender *self, void *Py_UNUSED(closure))
{
    if (!self->waits)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(self->deadline);
}

static int
set_deadline(Sender *self, PyObject *value, void *Py_UNUSED(closure))
{
    double deadline = 0.0;

    if (value != NULL && value != Py_None) {
        deadline = PyFloat_AsDouble(value);
        if (deadline == -1.0 && PyErr_Occurred())
            return -1;
    }
    self->waits = value != NULL && value != Py_None;
    self->deadline = deadline;
    return 0;
}

static PyObject *
sender_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(keywords))
{
    Sender *self = (Sender *)type->tp_alloc(type, 0);

    if (self != NULL)
        self->expected = self->file = -1;
    return (PyObject *)self;
}

static int
sender_traverse(Sender *self, visitproc visit, void *arg)
{
    Py_VISIT(self->timeout);
    return 0;
}

static int
sender_clear(Sender *self)
{
    Py_CLEAR(self->timeout);
    return 0;
}

static void
sender_dealloc(Sender *self)
{
    PyObject_GC_UnTrack(self);
    sender_clear(self);
    PyMem_Free(self->packets);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyGetSetDef sender_getset[] = {
    {"deadline", (getter)get_deadline, (setter)set_deadline},
    {NULL}
};

static PyMemberDef sender_members[] = {
    {"moved", T_PYSSIZET, offsetof(Sender, moved)},
    {"rings_at", T_DOUBLE, offsetof(Sender, rings_at)},
    {"_timeout", T_OBJECT_EX, offsetof(Sender, timeout)},
    {"_acked", T_PYSSIZET, offsetof(Sender, acked)},
    {"_until", T_PYSSIZET, offsetof(Sender, until)},
    {"_next_until", T_PYSSIZET, offsetof(Sender, next_until)},
    {"_expected", T_PYSSIZET, offsetof(Sender, expected)},
    {"_echoes", T_PYSSIZET, offsetof(Sender, echoes)},
    {"_tries", T_PYSSIZET, offsetof(Sender, tries)},
    {"_resent", T_BOOL, offsetof(Sender, resent)},
    {"_sent_at", T_DOUBLE, offsetof(Sender, sent_at)},
    {NULL}
};

static PyMethodDef sender_methods[] = {
    {"_go_on", (PyCFunction)sender_go_on, METH_O, "Send the next window, which is ready."},
    {"read_ahead", (PyCFunction)sender_read_ahead, METH_NOARGS, "Prepare the next window."},
    {"_prepare", (PyCFunction)sender_prepare, METH_VARARGS,
     "_prepare(file, last, blksize, windowsize, rollover)\n\nLearn what is sent; -1: no file."},
    {NULL}
};

static PyTypeObject SenderType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "twisted_net.files.tftp._lockstep.Sender",
    .tp_doc = "What core.sender.Sender does for every block.",
    .tp_basicsize = sizeof(Sender),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = sender_new,
    .tp_dealloc = (destructor)sender_dealloc,
    .tp_traverse = (traverseproc)sender_traverse,
    .tp_clear = (inquiry)sender_clear,
    .tp_methods = sender_methods,
    .tp_members = sender_members,
    .tp_getset = sender_getset,
};

/* Sockets */

/* One that is watched. */
struct member {
    PyObject *owner;            /* is told what is not usual */
    Sender *sender;             /* NULL: everything is unusual */
    struct sockaddr_storage peer;
    socklen_t peer_size;
    Py_ssize_t cut;             /* where the kernel cuts trains; 0: it has not been told */
    int fd;
};

/* What a socket is to send at the end of the turn. */
struct outgoing {
    struct member *member;
    char *packets;
};

/* What an owner is to be told. */
struct word {
    PyObject *owner;
    int sent;
};

typedef struct {
    PyObject_HEAD
    PyObject *counters, *seconds;
    struct member **members;    /* by descriptor */
    int room, epoll;
    char busy;
    int waiting;
    struct outgoing outgoing[AT_ONCE];
} Crowd;

static PyTypeObject CrowdType;

static struct member *
member_of(Crowd *self, int fd)
{
    return fd >= 0 && fd < self->room ? self->members[fd] : NULL;
}

static struct member *
known(Crowd *self, int fd)
{
    struct member *found = member_of(self, fd);

    if (found == NULL)
        PyErr_Format(PyExc_KeyError, "descriptor %d is not watched", fd);
    return found;
}

static int
same_address(const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
    const struct sockaddr_in6 *one6 = (const void *)one, *other6 = (const void *)other;
    const struct sockaddr_in *one4 = (const void *)one, *other4 = (const void *)other;

    if (one->ss_family != other->ss_family)
        return 0;
    if (one->ss_family == AF_INET)
        return one4->sin_port == other4->sin_port
            && one4->sin_addr.s_addr == other4->sin_addr.s_addr;
    return one->ss_family == AF_INET6 && one6->sin6_port == other6->sin6_port
        && one6->sin6_scope_id == other6->sin6_scope_id
        && !memcmp(&one6->sin6_addr, &other6->sin6_addr, sizeof one6->sin6_addr);
}

/* Say in the log what must not end the turn of others. */
static void
report(PyObject *result, PyObject *whose)
{
    if (result == NULL)
        PyErr_WriteUnraisable(whose);
    Py_XDECREF(result);
}

/* counters.NAME += more */
static void
count(Crowd *self, PyObject *name, Py_ssize_t more)
{
    PyObject *before = PyObject_GetAttr(self->counters, name);
    PyObject *added = before == NULL ? NULL : PyLong_FromSsize_t(more);
    PyObject *sum = added == NULL ? NULL : PyNumber_Add(before, added);

    if (sum == NULL || PyObject_SetAttr(self->counters, name, sum) < 0)
        PyErr_WriteUnraisable(self->counters);
    Py_XDECREF(before);
    Py_XDECREF(added);
    Py_XDECREF(sum);
}

static int
is_sent(const struct member *member, const char *packets, size_t length)
{
    ssize_t sent;

    if (member->sender->window > 1 && member->cut != HEADER + member->sender->blksize)
        return 0;
    do
        sent = sendto(member->fd, packets, length, MSG_DONTWAIT,
                      (const struct sockaddr *)&member->peer, member->peer_size);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* Send what waits. Then tell those owners that have something to do: they may do anything. */
static void
release(Crowd *self)
{
    struct word words[AT_ONCE], *word = words;
    Py_ssize_t bytes = 0, datagrams = 0, length;
    int at;

    if (!self->waiting)
        return;
    for (at = 0; at < self->waiting; at++) {
        const struct member *member = self->outgoing[at].member;
        Sender *sender = member->sender;

        length = sender->window * (HEADER + sender->blksize);
        word->sent = is_sent(member, self->outgoing[at].packets, (size_t)length);
        if (word->sent) {
            bytes += length;
            datagrams += sender->window;
            read_ahead(sender);
        }
        if (!word->sent || sender->deadline < sender->rings_at) {
            word->owner = Py_NewRef(member->owner);
            word++;
        }
    }
    self->waiting = 0;          /* nothing of Python has run up to here */
    count(self, names.datagrams_sent, datagrams);
    count(self, names.sent, bytes);
    for (at = 0; at < word - words; at++) {
        report(PyObject_CallMethodOneArg(words[at].owner, names.stepped,
                                         words[at].sent ? Py_True : Py_False),
               words[at].owner);
        Py_DECREF(words[at].owner);
    }
}

/* Hand a datagram to the owner of the socket that it came to. */
static void
hand_on(struct member *member, const char *data, Py_ssize_t size,
        const struct sockaddr_storage *from, socklen_t from_size)
{
    PyObject *owner = Py_NewRef(member->owner), *result = NULL;
    PyObject *datagram = PyBytes_FromStringAndSize(data, size);
    PyObject *name = PyBytes_FromStringAndSize((const char *)from, from_size);

    if (datagram != NULL && name != NULL)
        result = PyObject_CallMethodObjArgs(owner, names.received, datagram, name, NULL);
    report(result, owner);
    Py_XDECREF(datagram);
    Py_XDECREF(name);
    Py_DECREF(owner);
}

/* Read one datagram. */
static void
read_one(Crowd *self, struct member *member, double now)
{
    static char room[LONGEST];
    struct sockaddr_storage from;
    socklen_t from_size = sizeof from;
    Sender *sender = member->sender;
    struct outgoing *outgoing;
    ssize_t size;
    int fd = member->fd;

    size = recvfrom(fd, room, sizeof room, MSG_DONTWAIT, (struct sockaddr *)&from,
                    &from_size);
    if (size < 0)
        return;                 /* none after all, or an echo of something that did not arrive */
    if (sender != NULL && size == HEADER && room[0] == 0 && room[1] == 4
        && sender->expected == ((unsigned char)room[2] << 8 | (unsigned char)room[3])
        && same_address(&from, &member->peer) && is_ready(sender)) {
        outgoing = &self->outgoing[self->waiting++];
        outgoing->member = member;
        outgoing->packets = step(sender, now);
        return;
    }
    release(self);              /* what waits; whoever is told now may close it */
    if (member_of(self, fd) == member)
        hand_on(member, room, size, &from, from_size);
}

/* Read what came to some, and answer it; return how many there were, or -1 and an exception. */
static int
turn(Crowd *self)
{
    struct epoll_event events[AT_ONCE];
    struct member *member;
    int number, count = epoll_wait(self->epoll, events, AT_ONCE, 0);
    PyObject *clock;
    double now;

    if (count <= 0)
        return 0;
    clock = PyObject_CallNoArgs(self->seconds);
    if (clock == NULL)
        return -1;
    now = PyFloat_AsDouble(clock);
    Py_DECREF(clock);
    if (now == -1.0 && PyErr_Occurred())
        return -1;
    for (number = 0; number < count; number++) {
        member = member_of(self, events[number].data.fd);
        if (member != NULL)     /* else one that was served before it has removed it */
            read_one(self, member, now);
    }
    release(self);
    return count;
}

static PyObject *
crowd_doRead(Crowd *self, PyObject *Py_UNUSED(ignored))
{
    int count, total = 0;

    if (self->busy)
        Py_RETURN_NONE;
    self->busy = 1;
    do {
        count = turn(self);     /* some answer before all were served */
        total += count;
    } while (count > 0 && total < MOST);
    self->busy = 0;
    if (count < 0)
        return NULL;
    Py_RETURN_NONE;
}

static void
forget(Crowd *self, int fd)
{
    struct member *member = self->members[fd];

    self->members[fd] = NULL;
    Py_DECREF(member->owner);
    Py_XDECREF(member->sender);
    PyMem_Free(member);
}

static int
grow(Crowd *self, int fd)
{
    int room = self->room;
    struct member **members = self->members;

    if (fd < room)
        return 0;
    room = fd + fd / 2 + 64;
    PyMem_Resize(members, struct member *, room);
    if (members == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(members + self->room, 0, (size_t)(room - self->room) * sizeof *members);
    self->members = members;
    self->room = room;
    return 0;
}

static PyObject *
crowd_add(Crowd *self, PyObject *args)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct member *member;
    PyObject *owner;
    int fd;

    if (!PyArg_ParseTuple(args, "iO:add", &fd, &owner))
        return NULL;
    if (member_of(self, fd) != NULL)
        return PyErr_Format(PyExc_ValueError, "descriptor %d is watched already", fd);
    event.data.fd = fd;
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    member = grow(self, fd) < 0 ? NULL : PyMem_Calloc(1, sizeof *member);
    if (member == NULL) {
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, fd, NULL);
        return PyErr_NoMemory();
    }
    member->owner = Py_NewRef(owner);
    member->fd = fd;
    self->members[fd] = member;
    Py_RETURN_NONE;
}

static PyObject *
crowd_remove(Crowd *self, PyObject *number)
{
    int fd = (int)PyLong_AsLong(number);

    if ((fd == -1 && PyErr_Occurred()) || known(self, fd) == NULL)
        return NULL;
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, fd, NULL);
    forget(self, fd);
    Py_RETURN_NONE;
}

static PyObject *
crowd_entrust(Crowd *self, PyObject *args)
{
    struct member *member;
    PyObject *sender;
    const char *peer;
    Py_ssize_t size;
    int fd;

    if (!PyArg_ParseTuple(args, "iO!y#:entrust", &fd, &SenderType, &sender, &peer, &size))
        return NULL;
    member = known(self, fd);
    if (member == NULL)
        return NULL;
    if (size < 2 || (size_t)size > sizeof member->peer) {
        PyErr_SetString(PyExc_ValueError, "not a socket's address");
        return NULL;
    }
    memcpy(&member->peer, peer, (size_t)size);
    member->peer_size = (socklen_t)size;
    Py_XSETREF(member->sender, (Sender *)Py_NewRef(sender));
    Py_RETURN_NONE;
}

static PyObject *
crowd_cut(Crowd *self, PyObject *args)
{
    struct member *member;
    Py_ssize_t segment;
    int fd;

    if (!PyArg_ParseTuple(args, "in:cut", &fd, &segment))
        return NULL;
    member = known(self, fd);
    if (member == NULL)
        return NULL;
    member->cut = segment;
    Py_RETURN_NONE;
}

static PyObject *
crowd_fileno(Crowd *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLong(self->epoll);
}

static PyObject *
crowd_close(Crowd *self, PyObject *Py_UNUSED(ignored))
{
    int epoll = self->epoll;

    self->epoll = -1;
    if (epoll >= 0)
        close(epoll);
    Py_RETURN_NONE;
}

static PyObject *
crowd_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *words[] = {"counters", "seconds", NULL};
    PyObject *counters, *seconds;
    Crowd *self;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:Crowd", words, &counters, &seconds))
        return NULL;
    self = (Crowd *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->counters = Py_NewRef(counters);
    self->seconds = Py_NewRef(seconds);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll < 0) {
        Py_DECREF(self);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return (PyObject *)self;
}

static int
crowd_traverse(Crowd *self, visitproc visit, void *arg)
{
    int fd;

    Py_VISIT(self->counters);
    Py_VISIT(self->seconds);
    for (fd = 0; fd < self->room; fd++)
        if (self->members[fd] != NULL) {
            Py_VISIT(self->members[fd]->owner);
            Py_VISIT(self->members[fd]->sender);
        }
    return 0;
}

static int
crowd_clear(Crowd *self)
{
    int fd;

    for (fd = 0; fd < self->room; fd++)
        if (self->members[fd] != NULL)
            forget(self, fd);
    Py_CLEAR(self->counters);
    Py_CLEAR(self->seconds);
    return 0;
}

static void
crowd_dealloc(Crowd *self)
{
    PyObject_GC_UnTrack(self);
    crowd_clear(self);
    PyMem_Free(self->members);
    if (self->epoll >= 0)
        close(self->epoll);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef crowd_methods[] = {
    {"add", (PyCFunction)crowd_add, METH_VARARGS,
     "add(fd, owner)\n\nWatch a socket; raises OSError. Its owner is told with ``received(datagram, "
     "name)``\nof what is unusual, and with ``stepped(sent)`` after a step that leaves it "
     "something to do."},
    {"remove", (PyCFunction)crowd_remove, METH_O, "remove(fd)\n\nWatch it no longer."},
    {"entrust", (PyCFunction)crowd_entrust, METH_VARARGS,
     "entrust(fd, sender, name)\n\nTake the steps of a sender to the peer with this name, as "
     "``received`` tells it."},
    {"cut", (PyCFunction)crowd_cut, METH_VARARGS,
     "cut(fd, segment)\n\nLearn where the kernel cuts what is longer; 0: nowhere."},
    {"doRead", (PyCFunction)crowd_doRead, METH_NOARGS, "Read what came, and answer it."},
    {"fileno", (PyCFunction)crowd_fileno, METH_NOARGS, "Return what is readable when they are."},
    {"close", (PyCFunction)crowd_close, METH_NOARGS, "Watch nobody any more."},
    {NULL}
};

static PyTypeObject CrowdType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "twisted_net.files.tftp._lockstep.Crowd",
    .tp_doc = "Crowd(counters, seconds)\n\nThe sockets of many transfers, watched as one.",
    .tp_basicsize = sizeof(Crowd),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = crowd_new,
    .tp_dealloc = (destructor)crowd_dealloc,
    .tp_traverse = (traverseproc)crowd_traverse,
    .tp_clear = (inquiry)crowd_clear,
    .tp_methods = crowd_methods,
};

/* The module */

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_lockstep",
    .m_doc = "What a server of TFTP does for every block, compiled.",
    .m_size = -1,
};

static int
intern(PyObject **name, const char *text)
{
    *name = PyUnicode_InternFromString(text);
    return *name == NULL;
}

static int
offer(PyObject *made, const char *name, PyTypeObject *type)
{
    return PyType_Ready(type) < 0 || PyModule_AddObjectRef(made, name, (PyObject *)type) < 0;
}

PyMODINIT_FUNC
PyInit__lockstep(void)
{
    PyObject *made;

    if (intern(&names.datagrams_sent, "datagrams_sent") || intern(&names.received, "received")
        || intern(&names.sent, "sent") || intern(&names.stepped, "stepped"))
        return NULL;
    made = PyModule_Create(&module);
    if (made != NULL && (offer(made, "Timeout", &TimeoutType) || offer(made, "Sender", &SenderType)
                         || offer(made, "Crowd", &CrowdType)))
        Py_CLEAR(made);
    return made;
}
