"""The PROXY protocol: who is really there, said by a proxy that is believed."""
