"""The quote of the day, as a service of netdemo."""
