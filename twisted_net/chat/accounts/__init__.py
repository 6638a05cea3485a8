"""Who owns a name: accounts, and how one proves that one has one."""

from twisted_net.chat.accounts.realm import Account, Accounts, IAccount

__all__ = ["Account", "Accounts", "IAccount"]
