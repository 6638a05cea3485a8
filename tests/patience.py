"""How long tests wait for what has to come."""

#: Seconds that anything may take before the test fails: a server that starts or stops, a client
#: that ends. Long, for it is waited out only by a test that fails, and a machine may be very busy.
PATIENCE = 120.0
