"""Who owns a name: accounts (`realm`), and how one proves that one has one."""
