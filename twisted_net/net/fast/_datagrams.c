/* What a datagram port does for one datagram and its answer, compiled: `Port`, a base of
`datagrams.FastDatagramPort`.

It does what the methods of the same names in datagrams.py do, and is held to that by the same tests.
What is gained is that the address of who has just sent is neither read nor written anew, and that no
datagram gets a buffer of the longest there is. Batches are read, and sent, by the Python; here what is
written meanwhile is only put to the rest. It calls `recvfrom` and `sendto` with the GIL held: neither
waits (MSG_DONTWAIT). */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#ifdef Py_GIL_DISABLED
#error "the GIL keeps threads apart here"
#endif

enum { LONGEST = 65536 };

/* As in datagrams.py and offload.py. */
enum { LONGEST_HELD = 2048, MOST = 64 };

typedef struct {
    PyObject_HEAD
    PyObject *protocol, *counters;
    PyObject *held;             /* what waits for the end of a batch: a dict of lists */
    PyObject *sender;           /* who may be answered without a look: see datagrams.py */
    PyObject *place;            /* NULL: as in `name` */
    PyObject *known;            /* who `name` is */
    struct sockaddr_storage name;
    socklen_t name_size;
    Py_ssize_t longest, singly;
    int descriptor;             /* -1: the socket is not one of Python's own, or not open */
} Port;

/* What we are told of Python's, see `lean_on`. */
static struct {
    PyObject *read, *write;     /* FastDatagramPort's own methods */
    PyObject *address_of, *sockaddr, *nobody;
} python;

static struct {
    PyObject *datagram_received, *datagrams_sent, *raised, *read_failed, *sent, *write_failed;
} names;

/* The result of a call that is not looked at: 0, or -1 with an exception. */
static int
done(PyObject *result)
{
    if (result == NULL)
        return -1;
    Py_DECREF(result);
    return 0;
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

/* The OSError of what has just failed. */
static PyObject *
failure(void)
{
    PyErr_SetFromErrno(PyExc_OSError);
    return taken();
}

/* `except BaseException: self._raised()`: what was raised is being handled meanwhile. */
static int
handle(Port *self)
{
    PyObject *before = PyErr_GetHandledException(), *error = taken();
    int bad;

    PyErr_SetHandledException(error);
    bad = done(PyObject_CallMethodNoArgs((PyObject *)self, names.raised));
    PyErr_SetHandledException(before);
    Py_XDECREF(before);
    Py_DECREF(error);
    return bad;
}

/* Note who has sent a datagram. */
static int
note(Port *self, const struct sockaddr_storage *from, socklen_t size)
{
    PyObject *name, *known;

    if (self->known != NULL && size == self->name_size && !memcmp(from, &self->name, size))
        return 0;
    name = PyBytes_FromStringAndSize((const char *)from, size);
    known = name == NULL ? NULL : PyObject_CallOneArg(python.address_of, name);
    Py_XDECREF(name);
    if (known == NULL)
        return -1;
    memcpy(&self->name, from, size);
    self->name_size = size;
    Py_XSETREF(self->known, known);
    return 0;
}

static PyObject *
port_doRead(Port *self, PyObject *Py_UNUSED(ignored))
{
    static char room[LONGEST];
    struct sockaddr_storage from;
    socklen_t from_size = sizeof from;
    Py_ssize_t longest = self->longest < LONGEST ? self->longest : LONGEST;
    PyObject *datagram, *error, *protocol, *sender, *result;
    ssize_t size;
    int bad;

    if (self->descriptor < 0 || self->singly <= 0 || self->protocol == NULL || longest <= 0)
        return PyObject_CallOneArg(python.read, (PyObject *)self);
    self->singly--;
    do
        size = recvfrom(self->descriptor, room, (size_t)longest, MSG_DONTWAIT,
                        (struct sockaddr *)&from, &from_size);
    while (size < 0 && errno == EINTR);
    if (size < 0) {
        error = failure();
        result = PyObject_CallMethodOneArg((PyObject *)self, names.read_failed, error);
        Py_DECREF(error);
        return result;
    }
    datagram = PyBytes_FromStringAndSize(room, size);
    if (datagram == NULL || note(self, &from, from_size) < 0) {
        Py_XDECREF(datagram);
        return NULL;
    }
    sender = Py_NewRef(self->known);
    protocol = Py_NewRef(self->protocol);
    Py_XSETREF(self->sender, Py_NewRef(sender));
    Py_CLEAR(self->place);
    result = PyObject_CallMethodObjArgs(protocol, names.datagram_received, datagram, sender, NULL);
    bad = result == NULL ? handle(self) : done(result);
    Py_XSETREF(self->sender, Py_NewRef(python.nobody));
    Py_DECREF(protocol);
    Py_DECREF(sender);
    Py_DECREF(datagram);
    if (bad < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* counters.NAME += more */
static int
count(PyObject *counters, PyObject *name, Py_ssize_t more)
{
    PyObject *before = PyObject_GetAttr(counters, name);
    PyObject *added = before == NULL ? NULL : PyLong_FromSsize_t(more);
    PyObject *sum = added == NULL ? NULL : PyNumber_Add(before, added);
    int bad = sum == NULL ? -1 : PyObject_SetAttr(counters, name, sum);

    Py_XDECREF(before);
    Py_XDECREF(added);
    Py_XDECREF(sum);
    return bad;
}

/* Hold an answer to a batch back: 1; 0: it is none, or not a usual one; or -1 and an exception. */
static int
is_held(Port *self, PyObject *datagram, PyObject *addr)
{
    PyObject *held;

    if (self->held == NULL || !PyDict_CheckExact(self->held) || !PyDict_GET_SIZE(self->held)
        || !PyBytes_CheckExact(datagram) || PyBytes_GET_SIZE(datagram) > LONGEST_HELD)
        return 0;
    held = PyDict_GetItemWithError(self->held, addr);
    if (held == NULL)
        return PyErr_Occurred() ? -1 : 0;
    if (!PyList_CheckExact(held) || PyList_GET_SIZE(held) >= MOST)
        return 0;
    return PyList_Append(held, datagram) < 0 ? -1 : 1;
}

static PyObject *
port_write(Port *self, PyObject *const *args, Py_ssize_t total, PyObject *keywords)
{
    PyObject *all[4] = {(PyObject *)self}, *counters, *error, *result;
    Py_ssize_t given = total + (keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords)), size;
    ssize_t sent;
    int bad, held;

    if (given < 1 || given > 2) {
        PyErr_SetString(PyExc_TypeError, "want a datagram, and perhaps an address");
        return NULL;
    }
    if (total == 2 && args[1] != self->sender) {
        held = is_held(self, args[0], args[1]);
        if (held < 0)
            return NULL;
        if (held)
            Py_RETURN_NONE;
    }
    if (total != 2 || keywords != NULL || args[1] != self->sender || self->place != NULL
        || self->descriptor < 0 || self->counters == NULL || !PyBytes_CheckExact(args[0])) {
        memcpy(all + 1, args, (size_t)given * sizeof *all);
        return PyObject_Vectorcall(python.write, all, (size_t)(total + 1), keywords);
    }
    size = PyBytes_GET_SIZE(args[0]);
    do
        sent = sendto(self->descriptor, PyBytes_AS_STRING(args[0]), (size_t)size, MSG_DONTWAIT,
                      (struct sockaddr *)&self->name, self->name_size);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        error = failure();
        result = PyObject_CallMethodObjArgs((PyObject *)self, names.write_failed, error, args[1],
                                            NULL);
        Py_DECREF(error);
        return result;
    }
    counters = Py_NewRef(self->counters);
    bad = count(counters, names.datagrams_sent, 1) < 0 || count(counters, names.sent, size) < 0;
    Py_DECREF(counters);
    if (bad)
        return NULL;
    Py_RETURN_NONE;
}

/* The type */

static PyObject *
port_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(keywords))
{
    Port *self = (Port *)type->tp_alloc(type, 0);

    if (self != NULL)
        self->descriptor = -1;
    return (PyObject *)self;
}

static int
port_traverse(Port *self, visitproc visit, void *arg)
{
    Py_VISIT(self->protocol);
    Py_VISIT(self->counters);
    Py_VISIT(self->held);
    Py_VISIT(self->sender);
    Py_VISIT(self->place);
    Py_VISIT(self->known);
    return 0;
}

static int
port_clear(Port *self)
{
    Py_CLEAR(self->protocol);
    Py_CLEAR(self->counters);
    Py_CLEAR(self->held);
    Py_CLEAR(self->sender);
    Py_CLEAR(self->place);
    Py_CLEAR(self->known);
    return 0;
}

static void
port_dealloc(Port *self)
{
    PyObject_GC_UnTrack(self);
    port_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Where the datagram came from, as the socket takes it. */
static PyObject *
get_place(Port *self, void *Py_UNUSED(closure))
{
    if (self->place != NULL)
        return Py_NewRef(self->place);
    if (self->known == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_place");
        return NULL;
    }
    return PyObject_CallOneArg(python.sockaddr, self->known);
}

static int
set_place(Port *self, PyObject *value, void *Py_UNUSED(closure))
{
    Py_XSETREF(self->place, Py_XNewRef(value));
    return 0;
}

static PyGetSetDef port_getset[] = {
    {"_place", (getter)get_place, (setter)set_place},
    {NULL}
};

static PyMemberDef port_members[] = {
    {"protocol", T_OBJECT_EX, offsetof(Port, protocol)},
    {"maxPacketSize", T_PYSSIZET, offsetof(Port, longest)},
    {"_counters", T_OBJECT_EX, offsetof(Port, counters)},
    {"_held", T_OBJECT_EX, offsetof(Port, held)},
    {"_sender", T_OBJECT_EX, offsetof(Port, sender)},
    {"_singly", T_PYSSIZET, offsetof(Port, singly)},
    {"_descriptor", T_INT, offsetof(Port, descriptor)},
    {NULL}
};

static PyMethodDef port_methods[] = {
    {"doRead", (PyCFunction)port_doRead, METH_NOARGS,
     "Take one datagram, or what waits (IReadDescriptor)."},
    {"write", (PyCFunction)(void (*)(void))port_write, METH_FASTCALL | METH_KEYWORDS,
     "Send a datagram (IUDPTransport)."},
    {NULL}
};

static PyTypeObject PortType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "twisted_net.net.fast._datagrams.Port",
    .tp_doc = "What datagrams.FastDatagramPort does for one datagram.",
    .tp_basicsize = sizeof(Port),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = port_new,
    .tp_dealloc = (destructor)port_dealloc,
    .tp_traverse = (traverseproc)port_traverse,
    .tp_clear = (inquiry)port_clear,
    .tp_methods = port_methods,
    .tp_members = port_members,
    .tp_getset = port_getset,
};

/* The module */

static PyObject *
lean_on(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *port, *address_of, *sockaddr, *nobody;

    if (!PyArg_ParseTuple(args, "O!OOO:lean_on", &PyType_Type, &port, &address_of, &sockaddr,
                          &nobody))
        return NULL;
    Py_XSETREF(python.read, PyObject_GetAttrString(port, "doRead"));
    Py_XSETREF(python.write, PyObject_GetAttrString(port, "write"));
    if (python.read == NULL || python.write == NULL)
        return NULL;
    Py_XSETREF(python.address_of, Py_NewRef(address_of));
    Py_XSETREF(python.sockaddr, Py_NewRef(sockaddr));
    Py_XSETREF(python.nobody, Py_NewRef(nobody));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"lean_on", lean_on, METH_VARARGS,
     "lean_on(port, address_of, sockaddr, nobody)\n\n"
     "Learn of the class that does what is not usual, and of what both use."},
    {NULL}
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_datagrams",
    .m_doc = "What a datagram port does for one datagram, compiled.",
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
PyInit__datagrams(void)
{
    PyObject *made;

    if (PyType_Ready(&PortType) < 0 || intern(&names.datagram_received, "datagramReceived")
        || intern(&names.datagrams_sent, "datagrams_sent") || intern(&names.raised, "_raised")
        || intern(&names.read_failed, "_read_failed") || intern(&names.sent, "sent")
        || intern(&names.write_failed, "_write_failed"))
        return NULL;
    made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddObjectRef(made, "Port", (PyObject *)&PortType) < 0)
        Py_CLEAR(made);
    return made;
}
