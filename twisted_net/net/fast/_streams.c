/* What a stream transport does for every segment, compiled: `Stream`, a base of `streams.FastStream`.

It does what the methods of the same names in streams.py do, and is held to that by the same tests;
those run without it, and whatever is not usual is left to them (PEP 399). What is gained is that a
transport's state is found in a struct, not by name, and that a socket of Python's own is read and
written without a detour. It calls `recv` and `send` with the GIL held: neither waits
(MSG_DONTWAIT), and a copy of 64 KiB is shorter than most turns of an interpreter. */

#define _GNU_SOURCE             /* accept4 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef Py_GIL_DISABLED
#error "the GIL keeps threads apart here"
#endif

/* As in streams.py. */
enum { SMALL_READ = 65536, LARGE_READ = 524288, ANSWERED = -1 };
#define SILENT PY_SSIZE_T_MAX

typedef struct {
    PyObject_HEAD
    PyObject *socket;   /* of Python's own, or one that is like it; NULL: none, or nobody has … */
    int fd;             /* … asked for it, and this is it; -1: none */
    PyObject *protocol;
    PyObject *counters; /* a DoorCounters, or somebody who stands in for it */
    PyObject *pieces;   /* what waits to be sent: a list, and … */
    PyObject *rest;     /* … what is before it, less `offset` bytes */
    Py_ssize_t waiting, offset, read_size, buffer_size, unanswered;
    char plain, asked, inside, owed, broken, tls, paused, stirred;
} Stream;

/* One of the sums that are kept of bytes: its name, and where in a DoorCounters it is. */
struct sum {
    PyObject *name;
    Py_ssize_t where;
};

/* What we are told of Python's classes, see `lean_on`. */
static struct {
    PyObject *read, *write, *write_now;         /* FastStream's own methods */
    PyObject *connection_lost, *open;
    PyTypeObject *socket_type, *counters_type;
    struct sum received, sent;
} python;

static struct {
    PyObject *answer_later, *crowded, *data_received, *ended, *fileno, *join, *number, *raised;
    PyObject *recv, *send, *write;
} names;

static PyObject *nothing;       /* b"", of which CPython has one */

/* The result of a call that is not looked at: 0, or -1 with an exception. */
static int
done(PyObject *result)
{
    if (result == NULL)
        return -1;
    Py_DECREF(result);
    return 0;
}

static int
call(Stream *self, PyObject *name)
{
    return done(PyObject_CallMethodNoArgs((PyObject *)self, name));
}

/* Sockets */

/* The descriptor of a socket that is Python's own and open; -1: ask the socket itself. */
static int
descriptor(Stream *self)
{
    PyObject *number;
    long fd;

    if (self->fd >= 0)
        return self->fd;
    if (Py_TYPE(self->socket) != python.socket_type)
        return -1;
    number = PyObject_CallMethodNoArgs(self->socket, names.fileno);
    if (number == NULL) {
        PyErr_Clear();
        return -1;
    }
    fd = PyLong_AsLong(number);
    Py_DECREF(number);
    if (fd == -1)
        PyErr_Clear();
    return (int)fd;
}

static int
has_no_socket(Stream *self)
{
    return self->socket == NULL && self->fd < 0;
}

/* Close the descriptor, if there is one that is no socket of Python's; say whether there was. */
static int
close_own(Stream *self)
{
    int fd = self->fd;

    self->fd = -1;
    return fd >= 0 && (close(fd), 1);
}

/* Call `recv` or `send` of a socket that is not Python's own, or that is closed. */
static PyObject *
ask(Stream *self, PyObject *method, PyObject *argument)
{
    PyObject *socket = self->socket, *result;

    Py_INCREF(socket);          /* whatever it does, it may also end the connection */
    result = PyObject_CallMethodOneArg(socket, method, argument);
    Py_DECREF(socket);
    return result;
}

/* Take the exception that was raised. */
static PyObject *
taken(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *error, *trace;

    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace != NULL)
        PyException_SetTraceback(error, trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return error;
#endif
}

/* An OSError that was raised is its errno from here on. 0: something else was raised, and stays. */
static int
caught(void)
{
    PyObject *error, *number;
    int found = EIO;            /* an OSError need not have one */

    if (!PyErr_ExceptionMatches(PyExc_OSError))
        return 0;
    if (PyErr_ExceptionMatches(PyExc_BlockingIOError)) {
        PyErr_Clear();
        return EAGAIN;
    }
    error = taken();
    number = PyObject_GetAttr(error, names.number);
    if (number != NULL && PyLong_Check(number))
        found = (int)PyLong_AsLong(number);
    PyErr_Clear();
    Py_XDECREF(number);
    Py_DECREF(error);
    return found ? found : EIO;
}

/* Read; NULL and *error: errno, or 0 if an exception is set. */
static PyObject *
receive(Stream *self, int *error)
{
    static char room[SMALL_READ];       /* most reads are short, and need no 64 KiB of their own */
    PyObject *data = NULL;
    char *into = room;
    ssize_t got;
    int fd = descriptor(self);

    if (fd < 0) {
        PyObject *size = PyLong_FromSsize_t(self->read_size);
        if (size != NULL)
            data = ask(self, names.recv, size);
        Py_XDECREF(size);
        if (data == NULL)
            *error = caught();
        else if (!PyBytes_Check(data)) {
            Py_CLEAR(data);
            *error = 0;
            PyErr_SetString(PyExc_TypeError, "recv() returned no bytes");
        }
        return data;
    }
    if (self->read_size > SMALL_READ) {
        data = PyBytes_FromStringAndSize(NULL, self->read_size);
        if (data == NULL) {
            *error = 0;
            return NULL;
        }
        into = PyBytes_AS_STRING(data);
    }
    do
        got = recv(fd, into, data == NULL ? SMALL_READ : self->read_size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    *error = got < 0 ? errno : 0;
    if (data == NULL)
        return got < 0 ? NULL : PyBytes_FromStringAndSize(room, got);
    if (got < 0)
        Py_CLEAR(data);
    else
        _PyBytes_Resize(&data, got);
    return data;
}

/* Send; return how much went, or -1 and *error: errno, or 0 if an exception is set. */
static Py_ssize_t
transmit(Stream *self, PyObject *data, int *error)
{
    Py_ssize_t sent;
    PyObject *count;
    int fd = descriptor(self);

    if (fd >= 0) {
        do
            sent = send(fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data),
                        MSG_DONTWAIT | MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        *error = errno;
        return sent;
    }
    count = ask(self, names.send, data);
    if (count == NULL) {
        *error = caught();
        return -1;
    }
    sent = PyLong_AsSsize_t(count);
    Py_DECREF(count);
    *error = 0;
    if (sent >= 0 && sent <= PyBytes_GET_SIZE(data))
        return sent;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "send() returned what is no count");
    return -1;
}

static int
passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

/* Counting */

/* counters.NAME += more. A DoorCounters has slots, and where they are does not change. */
static int
count(Stream *self, const struct sum *which, Py_ssize_t more)
{
    PyObject *counters = self->counters, *added, *before, *sum;
    int bad;

    if (counters == NULL) {
        PyErr_SetString(PyExc_AttributeError, "counters");
        return -1;
    }
    added = PyLong_FromSsize_t(more);
    if (added == NULL)
        return -1;
    if (Py_TYPE(counters) == python.counters_type) {
        PyObject **slot = (PyObject **)((char *)counters + which->where);
        sum = *slot == NULL ? NULL : PyNumber_Add(*slot, added);
        Py_DECREF(added);
        if (sum == NULL) {
            if (!PyErr_Occurred())
                PyErr_SetObject(PyExc_AttributeError, which->name);
            return -1;
        }
        Py_SETREF(*slot, sum);
        return 0;
    }
    /* Somebody who wants to know: what it does may be anything. */
    Py_INCREF(counters);
    before = PyObject_GetAttr(counters, which->name);
    sum = before == NULL ? NULL : PyNumber_Add(before, added);
    bad = sum == NULL ? -1 : PyObject_SetAttr(counters, which->name, sum);
    Py_XDECREF(before);
    Py_XDECREF(sum);
    Py_DECREF(added);
    Py_DECREF(counters);
    return bad;
}

/* Take note of the first words of the peer, and of how much of a greeting has not left. */
static int
listen_to(Stream *self)
{
    Py_ssize_t rest;

    if (self->unanswered != SILENT)
        return 0;
    rest = PyObject_Size(self->rest);
    if (rest < 0)
        return -1;
    self->unanswered = self->waiting + rest - self->offset;
    return 0;
}

/* Count what was sent, and what of it is the answer to the first words (FastStream._answered). */
static int
count_sent(Stream *self, Py_ssize_t sent)
{
    if (self->unanswered >= 0 && self->unanswered != SILENT)
        self->unanswered = sent > self->unanswered ? ANSWERED : self->unanswered - sent;
    self->stirred = 1;
    return count(self, &python.sent, sent);
}

/* The methods */

/* Send what was written while we were reading (FastStream._answer). */
static int
answer(Stream *self)
{
    PyObject *data, *pieces = self->pieces;
    Py_ssize_t sent;
    int error, bad;

    if (self->paused || self->waiting > LARGE_READ || has_no_socket(self))
        return call(self, names.answer_later);
    data = PyList_GET_SIZE(pieces) == 1 && PyBytes_CheckExact(PyList_GET_ITEM(pieces, 0))
        ? Py_NewRef(PyList_GET_ITEM(pieces, 0))
        : PyObject_CallMethodOneArg(nothing, names.join, pieces);
    if (data == NULL)
        return -1;
    sent = transmit(self, data, &error);
    if (sent < 0) {
        Py_DECREF(data);
        if (!error)
            return -1;
        if (!passing(error))
            self->broken = error != EPIPE;
        return call(self, names.answer_later);
    }
    bad = count_sent(self, sent) < 0;
    self->waiting = 0;
    bad = PyList_SetSlice(self->pieces, 0, PyList_GET_SIZE(self->pieces), NULL) < 0 || bad;
    if (!bad && sent < PyBytes_GET_SIZE(data)) {
        Py_SETREF(self->rest, Py_NewRef(data));
        self->offset = sent;
        bad = call(self, names.answer_later) < 0;
    }
    self->owed = 0;
    Py_DECREF(data);
    return bad ? -1 : 0;
}

/* `except BaseException: self._raised()`: what was raised is being handled meanwhile. */
static int
handle(Stream *self)
{
    PyObject *before = PyErr_GetHandledException(), *error = taken();
    int bad;

    PyErr_SetHandledException(error);
    bad = call(self, names.raised);
    PyErr_SetHandledException(before);
    Py_XDECREF(before);
    Py_DECREF(error);
    return bad;
}

static PyObject *
stream_doRead(Stream *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *data, *protocol, *result;
    Py_ssize_t size;
    int error, bad;

    if (has_no_socket(self) || self->protocol == NULL)
        return PyObject_CallOneArg(python.read, (PyObject *)self);
    data = receive(self, &error);
    if (data == NULL) {
        if (!error)
            return NULL;
        return Py_NewRef(error == EAGAIN || error == EWOULDBLOCK ? Py_None
                                                                 : python.connection_lost);
    }
    size = PyBytes_GET_SIZE(data);
    if (size == 0) {
        Py_DECREF(data);
        return PyObject_CallMethodNoArgs((PyObject *)self, names.ended);
    }
    self->read_size = size >= SMALL_READ ? LARGE_READ : SMALL_READ;
    if (count(self, &python.received, size) < 0 || listen_to(self) < 0) {
        Py_DECREF(data);
        return NULL;
    }
    self->stirred = self->inside = 1;
    protocol = Py_NewRef(self->protocol);
    result = PyObject_CallMethodOneArg(protocol, names.data_received, data);
    bad = result == NULL ? handle(self) : done(result);
    self->inside = 0;
    Py_DECREF(protocol);
    Py_DECREF(data);
    if (bad < 0)
        return NULL;
    if (self->waiting && self->plain && !self->asked && answer(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Whether this is a call with one argument, bytes, and some of them. */
static int
is_usual(PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return count == 1 && keywords == NULL && PyBytes_CheckExact(args[0])
        && PyBytes_GET_SIZE(args[0]);
}

/* Call a method of streams.py with what we were called with. */
static PyObject *
unusual(PyObject *method, Stream *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    PyObject *all[3] = {(PyObject *)self};
    Py_ssize_t total = count + (keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords));

    if (total != 1) {
        PyErr_SetString(PyExc_TypeError, "want one argument, the bytes to be sent");
        return NULL;
    }
    all[1] = args[0];
    return PyObject_Vectorcall(method, all, (size_t)(count + 1), keywords);
}

static PyObject *
stream_write(Stream *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    int held = self->inside && self->plain && !self->asked && !self->tls;

    if (!held || !is_usual(args, count, keywords))
        return unusual(python.write, self, args, count, keywords);
    if (PyList_Append(self->pieces, args[0]) < 0)
        return NULL;
    self->waiting += PyBytes_GET_SIZE(args[0]);
    if (self->waiting > self->buffer_size && call(self, names.crowded) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
stream_write_now(Stream *self, PyObject *const *args, Py_ssize_t count_, PyObject *keywords)
{
    int busy = self->inside || self->asked || self->tls || !self->plain
        || PyList_GET_SIZE(self->pieces) || self->rest != nothing;
    PyObject *data, *left;
    Py_ssize_t sent, size;
    int error, bad;

    if (busy || has_no_socket(self) || !is_usual(args, count_, keywords))
        return unusual(python.write_now, self, args, count_, keywords);
    data = args[0];
    size = PyBytes_GET_SIZE(data);
    sent = transmit(self, data, &error);
    if (sent < 0) {
        if (!error)
            return NULL;
        if (error != EAGAIN && error != EWOULDBLOCK)
            self->broken = error != EPIPE && error != ENOBUFS;
        sent = 0;
    }
    if (count_sent(self, sent) < 0)
        return NULL;
    if (sent == size)
        Py_RETURN_NONE;
    left = PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + sent, size - sent);
    if (left == NULL)
        return NULL;
    bad = done(PyObject_CallMethodOneArg((PyObject *)self, names.write, left));
    Py_DECREF(left);
    if (bad)
        return NULL;
    Py_RETURN_NONE;
}

/* Of every other socket than one that was accepted here, Twisted sets this to the socket's own. */
static PyObject *
stream_fileno(Stream *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *socket = self->socket, *number;

    if (socket == NULL)
        return PyLong_FromLong(self->fd);
    Py_INCREF(socket);
    number = PyObject_CallMethodNoArgs(socket, names.fileno);
    Py_DECREF(socket);
    return number;
}

/* Set an option of the descriptor, if nobody has asked for the socket; say whether that is done. */
static PyObject *
stream_set_own(Stream *self, PyObject *args)
{
    int level, option, value;

    if (!PyArg_ParseTuple(args, "iii:_set_own", &level, &option, &value))
        return NULL;
    return PyBool_FromLong(self->fd >= 0
                           && !setsockopt(self->fd, level, option, &value, sizeof value));
}

static PyObject *
stream_close_own(Stream *self, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(close_own(self));
}

/* The type */

static PyObject *
stream_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(keywords))
{
    Stream *self = (Stream *)type->tp_alloc(type, 0);

    if (self == NULL)
        return NULL;
    self->fd = -1;
    self->unanswered = ANSWERED;
    self->read_size = self->buffer_size = SMALL_READ;
    self->rest = Py_NewRef(nothing);
    self->pieces = PyList_New(0);
    if (self->pieces == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int
stream_traverse(Stream *self, visitproc visit, void *arg)
{
    Py_VISIT(self->socket);
    Py_VISIT(self->protocol);
    Py_VISIT(self->counters);
    Py_VISIT(self->pieces);
    Py_VISIT(self->rest);
    return 0;
}

static int
stream_clear(Stream *self)
{
    Py_CLEAR(self->socket);
    Py_CLEAR(self->protocol);
    Py_CLEAR(self->counters);
    return 0;
}

static void
stream_dealloc(Stream *self)
{
    PyObject_GC_UnTrack(self);
    stream_clear(self);
    close_own(self);
    Py_CLEAR(self->pieces);
    Py_CLEAR(self->rest);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* What Twisted keeps in these two is always there, and the first is always a list. */
static PyObject *
get_pieces(Stream *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->pieces);
}

static int
set_pieces(Stream *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL || !PyList_CheckExact(value)) {
        PyErr_SetString(PyExc_TypeError, "_tempDataBuffer: not a list");
        return -1;
    }
    Py_SETREF(self->pieces, Py_NewRef(value));
    return 0;
}

static PyObject *
get_rest(Stream *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->rest);
}

static int
set_rest(Stream *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "dataBuffer: cannot be deleted");
        return -1;
    }
    Py_SETREF(self->rest, Py_NewRef(value));
    return 0;
}

/* A socket of Python's is made when somebody asks for it, who may then do with it what he likes. */
static PyObject *
get_socket(Stream *self, void *Py_UNUSED(closure))
{
    if (self->fd >= 0) {
        PyObject *made = PyObject_CallFunction(python.open, "i", self->fd);
        if (made == NULL)
            return NULL;
        self->fd = -1;
        Py_XSETREF(self->socket, made);
    }
    if (self->socket == NULL)
        PyErr_SetString(PyExc_AttributeError, "socket");
    return Py_XNewRef(self->socket);
}

static int
set_socket(Stream *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL && has_no_socket(self)) {
        PyErr_SetString(PyExc_AttributeError, "socket");
        return -1;
    }
    close_own(self);
    Py_XSETREF(self->socket, Py_XNewRef(value));
    return 0;
}

static PyGetSetDef stream_getset[] = {
    {"socket", (getter)get_socket, (setter)set_socket},
    {"_tempDataBuffer", (getter)get_pieces, (setter)set_pieces},
    {"dataBuffer", (getter)get_rest, (setter)set_rest},
    {NULL}
};

static PyMemberDef stream_members[] = {
    {"_fd", T_INT, offsetof(Stream, fd)},
    {"protocol", T_OBJECT_EX, offsetof(Stream, protocol)},
    {"counters", T_OBJECT_EX, offsetof(Stream, counters)},
    {"_tempDataLen", T_PYSSIZET, offsetof(Stream, waiting)},
    {"offset", T_PYSSIZET, offsetof(Stream, offset)},
    {"bufferSize", T_PYSSIZET, offsetof(Stream, buffer_size)},
    {"_read_size", T_PYSSIZET, offsetof(Stream, read_size)},
    {"_unanswered", T_PYSSIZET, offsetof(Stream, unanswered)},
    {"_plain", T_BOOL, offsetof(Stream, plain)},
    {"_asked", T_BOOL, offsetof(Stream, asked)},
    {"_inside", T_BOOL, offsetof(Stream, inside)},
    {"_owed", T_BOOL, offsetof(Stream, owed)},
    {"_broken", T_BOOL, offsetof(Stream, broken)},
    {"TLS", T_BOOL, offsetof(Stream, tls)},
    {"producerPaused", T_BOOL, offsetof(Stream, paused)},
    {"stirred", T_BOOL, offsetof(Stream, stirred)},
    {NULL}
};

static PyMethodDef stream_methods[] = {
    {"doRead", (PyCFunction)stream_doRead, METH_NOARGS,
     "Read once, hand it on, send what was answered (IReadDescriptor)."},
    {"write", (PyCFunction)(void (*)(void))stream_write, METH_FASTCALL | METH_KEYWORDS,
     "Send some bytes soon (ITransport)."},
    {"write_now", (PyCFunction)(void (*)(void))stream_write_now, METH_FASTCALL | METH_KEYWORDS,
     "Send some bytes before this returns, if nothing waits to be sent; else soon."},
    {"fileno", (PyCFunction)stream_fileno, METH_NOARGS,
     "Return the descriptor; -1: it is closed (IFileDescriptor)."},
    {"_set_own", (PyCFunction)stream_set_own, METH_VARARGS,
     "Set an option of the descriptor, if nobody has asked for the socket; say whether it is done."},
    {"_close_own", (PyCFunction)stream_close_own, METH_NOARGS,
     "Close the descriptor, if nobody has asked for the socket; say whether that is done."},
    {NULL}
};

static PyTypeObject StreamType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "twisted_net.net.fast._streams.Stream",
    .tp_doc = "What streams.FastStream does for every segment.",
    .tp_basicsize = sizeof(Stream),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = stream_new,
    .tp_dealloc = (destructor)stream_dealloc,
    .tp_traverse = (traverseproc)stream_traverse,
    .tp_clear = (inquiry)stream_clear,
    .tp_methods = stream_methods,
    .tp_members = stream_members,
    .tp_getset = stream_getset,
};

/* The module */

/* Find out where a slot of a class of Python's is; -1: it has none of that name. */
static int
find(struct sum *sum, PyObject *type)
{
    PyObject *found = PyObject_GetAttr(type, sum->name);

    if (found == NULL)
        return -1;
    if (Py_TYPE(found) != &PyMemberDescr_Type) {
        PyErr_Format(PyExc_TypeError, "%U is no slot", sum->name);
        Py_DECREF(found);
        return -1;
    }
    sum->where = ((PyMemberDescrObject *)found)->d_member->offset;
    Py_DECREF(found);
    return 0;
}

static PyObject *
lean_on(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *stream, *counters, *socket_type, *open, *connection_lost;

    if (!PyArg_ParseTuple(args, "O!O!O!OO:lean_on", &PyType_Type, &stream, &PyType_Type, &counters,
                          &PyType_Type, &socket_type, &open, &connection_lost))
        return NULL;
    if (find(&python.received, counters) < 0 || find(&python.sent, counters) < 0)
        return NULL;
    Py_XSETREF(python.read, PyObject_GetAttrString(stream, "doRead"));
    Py_XSETREF(python.write, PyObject_GetAttrString(stream, "write"));
    Py_XSETREF(python.write_now, PyObject_GetAttrString(stream, "write_now"));
    if (python.read == NULL || python.write == NULL || python.write_now == NULL)
        return NULL;
    Py_XSETREF(python.counters_type, (PyTypeObject *)Py_NewRef(counters));
    Py_XSETREF(python.socket_type, (PyTypeObject *)Py_NewRef(socket_type));
    Py_XSETREF(python.open, Py_NewRef(open));
    Py_XSETREF(python.connection_lost, Py_NewRef(connection_lost));
    Py_RETURN_NONE;
}

#ifdef __linux__

/* An address as Python's own sockets give it. */
static PyObject *
address(const struct sockaddr_storage *from)
{
    char host[INET6_ADDRSTRLEN];

    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        if (inet_ntop(AF_INET, &in->sin_addr, host, sizeof host) == NULL)
            return PyErr_SetFromErrno(PyExc_OSError);
        return Py_BuildValue("(si)", host, ntohs(in->sin_port));
    }
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
        if (inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host) == NULL)
            return PyErr_SetFromErrno(PyExc_OSError);
        return Py_BuildValue("(siII)", host, ntohs(in->sin6_port), ntohl(in->sin6_flowinfo),
                             in->sin6_scope_id);
    }
    PyErr_Format(PyExc_OSError, "accepted a socket of another family, %d", from->ss_family);
    return NULL;
}

static PyObject *
accept_one(PyObject *Py_UNUSED(module), PyObject *listening)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    PyObject *host;
    int fd, at = PyObject_AsFileDescriptor(listening);

    if (at < 0)
        return NULL;
    do
        fd = accept4(at, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            Py_RETURN_NONE;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    host = address(&from);
    if (host == NULL) {
        close(fd);
        return NULL;
    }
    return Py_BuildValue("(iN)", fd, host);
}

#endif

static PyMethodDef functions[] = {
    {"lean_on", lean_on, METH_VARARGS,
     "lean_on(stream, counters, socket, open, connection_lost)\n\n"
     "Learn of the class that does what is not usual, and of what both use."},
#ifdef __linux__
    {"accept", accept_one, METH_O,
     "Accept who waits at a listening socket, of IPv4 or IPv6: a descriptor, which neither waits nor\n"
     "is inherited, and the address; None: nobody does. Raises OSError."},
#endif
    {NULL}
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_streams",
    .m_doc = "What a stream transport does for every segment, compiled.",
    .m_size = -1,
    .m_methods = functions,
};

static int
intern(PyObject **name, const char *text)
{
    *name = PyUnicode_InternFromString(text);
    return *name == NULL;
}

PyMODINIT_FUNC
PyInit__streams(void)
{
    PyObject *made;
    int bad;

    nothing = PyBytes_FromStringAndSize(NULL, 0);
    bad = nothing == NULL || PyType_Ready(&StreamType) < 0
        || intern(&names.answer_later, "_answer_later") || intern(&names.crowded, "_crowded")
        || intern(&names.data_received, "dataReceived") || intern(&names.ended, "_ended")
        || intern(&names.number, "errno") || intern(&names.fileno, "fileno") || intern(&names.join, "join")
        || intern(&names.raised, "_raised")
        || intern(&names.recv, "recv") || intern(&names.send, "send")
        || intern(&names.write, "write") || intern(&python.received.name, "received")
        || intern(&python.sent.name, "sent");
    made = bad ? NULL : PyModule_Create(&module);
    if (made != NULL && PyModule_AddObjectRef(made, "Stream", (PyObject *)&StreamType) < 0)
        Py_CLEAR(made);
    return made;
}
