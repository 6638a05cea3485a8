"""The numeric replies of the IRC door, and what they say (RFC 1459, 6; RFC 2812, 5; Modern).

The names are those of the RFCs, so that they can be looked up. Of a reply whose text depends on
more than its parameters the text is given with it.
"""

from enum import IntEnum


class Numeric(IntEnum):
    """A reply's number."""

    # Welcome.
    RPL_WELCOME = 1
    RPL_YOURHOST = 2
    RPL_CREATED = 3
    RPL_MYINFO = 4
    RPL_ISUPPORT = 5

    # The server.
    RPL_STATSKLINE = 216
    RPL_ENDOFSTATS = 219
    RPL_UMODEIS = 221
    RPL_STATSUPTIME = 242
    RPL_LUSERCLIENT = 251
    RPL_LUSEROP = 252
    RPL_LUSERUNKNOWN = 253
    RPL_LUSERCHANNELS = 254
    RPL_LUSERME = 255
    RPL_ADMINME = 256
    RPL_ADMINLOC1 = 257
    RPL_ADMINLOC2 = 258
    RPL_ADMINEMAIL = 259
    RPL_LOCALUSERS = 265
    RPL_GLOBALUSERS = 266
    RPL_VERSION = 351
    RPL_LINKS = 364
    RPL_ENDOFLINKS = 365
    RPL_INFO = 371
    RPL_MOTD = 372
    RPL_ENDOFINFO = 374
    RPL_MOTDSTART = 375
    RPL_ENDOFMOTD = 376
    RPL_REHASHING = 382
    RPL_TIME = 391
    RPL_HELPSTART = 704
    RPL_HELPTXT = 705
    RPL_ENDOFHELP = 706

    # Members.
    RPL_WHOISCERTFP = 276
    RPL_AWAY = 301
    RPL_USERHOST = 302
    RPL_ISON = 303
    RPL_UNAWAY = 305
    RPL_NOWAWAY = 306
    RPL_WHOISUSER = 311
    RPL_WHOISSERVER = 312
    RPL_WHOISOPERATOR = 313
    RPL_WHOWASUSER = 314
    RPL_ENDOFWHO = 315
    RPL_WHOISIDLE = 317
    RPL_ENDOFWHOIS = 318
    RPL_WHOISCHANNELS = 319
    RPL_WHOISACCOUNT = 330
    RPL_WHOISBOT = 335
    RPL_WHOREPLY = 352
    RPL_WHOSPCRPL = 354
    RPL_ENDOFWHOWAS = 369
    RPL_WHOISSPECIAL = 320
    RPL_WHOISHOST = 378
    RPL_YOUREOPER = 381
    RPL_WHOISSECURE = 671
    RPL_MONONLINE = 730
    RPL_MONOFFLINE = 731
    RPL_MONLIST = 732
    RPL_ENDOFMONLIST = 733
    ERR_MONLISTFULL = 734
    RPL_KEYVALUE = 761
    RPL_KEYNOTSET = 766
    RPL_METADATASUBOK = 770
    RPL_METADATAUNSUBOK = 771
    RPL_METADATASUBS = 772
    RPL_METADATASYNCLATER = 774

    # Rooms.
    RPL_LISTSTART = 321
    RPL_LIST = 322
    RPL_LISTEND = 323
    RPL_CHANNELMODEIS = 324
    RPL_CREATIONTIME = 329
    RPL_NOTOPIC = 331
    RPL_TOPIC = 332
    RPL_TOPICWHOTIME = 333
    RPL_INVITELIST = 336
    RPL_ENDOFINVITELIST = 337
    RPL_INVITING = 341
    RPL_INVEXLIST = 346
    RPL_ENDOFINVEXLIST = 347
    RPL_EXCEPTLIST = 348
    RPL_ENDOFEXCEPTLIST = 349
    RPL_NAMREPLY = 353
    RPL_ENDOFNAMES = 366
    RPL_BANLIST = 367
    RPL_ENDOFBANLIST = 368

    # Refusals.
    ERR_NOSUCHNICK = 401
    ERR_NOSUCHSERVER = 402
    ERR_NOSUCHCHANNEL = 403
    ERR_CANNOTSENDTOCHAN = 404
    ERR_TOOMANYCHANNELS = 405
    ERR_WASNOSUCHNICK = 406
    ERR_TOOMANYTARGETS = 407
    ERR_NOORIGIN = 409
    ERR_INVALIDCAPCMD = 410
    ERR_NORECIPIENT = 411
    ERR_NOTEXTTOSEND = 412
    ERR_TOOMANYMATCHES = 416
    ERR_INPUTTOOLONG = 417
    ERR_UNKNOWNCOMMAND = 421
    ERR_NOMOTD = 422
    ERR_NONICKNAMEGIVEN = 431
    ERR_ERRONEUSNICKNAME = 432
    ERR_NICKNAMEINUSE = 433
    ERR_USERNOTINCHANNEL = 441
    ERR_NOTONCHANNEL = 442
    ERR_USERONCHANNEL = 443
    ERR_NOTREGISTERED = 451
    ERR_NEEDMOREPARAMS = 461
    ERR_ALREADYREGISTERED = 462
    ERR_PASSWDMISMATCH = 464
    ERR_YOUREBANNEDCREEP = 465
    ERR_LINKCHANNEL = 470
    ERR_CHANNELISFULL = 471
    ERR_UNKNOWNMODE = 472
    ERR_INVITEONLYCHAN = 473
    ERR_BANNEDFROMCHAN = 474
    ERR_BADCHANNELKEY = 475
    ERR_BADCHANMASK = 476
    ERR_NEEDREGGEDNICK = 477
    ERR_BANLISTFULL = 478
    ERR_NOPRIVILEGES = 481
    ERR_CHANOPRIVSNEEDED = 482
    ERR_NOOPERHOST = 491
    ERR_UMODEUNKNOWNFLAG = 501
    ERR_USERSDONTMATCH = 502
    ERR_HELPNOTFOUND = 524
    ERR_INVALIDKEY = 525
    ERR_INVALIDMODEPARAM = 696

    # Charsets (ngircd).
    RPL_CHARCONV = 801
    ERR_CHARCONV = 851

    # SASL (IRCv3 sasl-3.1).
    RPL_LOGGEDIN = 900
    RPL_LOGGEDOUT = 901
    RPL_SASLSUCCESS = 903
    ERR_SASLFAIL = 904
    ERR_SASLTOOLONG = 905
    ERR_SASLABORTED = 906
    ERR_SASLALREADY = 907
    RPL_SASLMECHS = 908


#: What a reply says where nothing else is given with it.
TEXTS: dict[Numeric, str] = {
    Numeric.RPL_ENDOFSTATS: "End of STATS",
    Numeric.RPL_ENDOFLINKS: "End of LINKS",
    Numeric.RPL_ENDOFINFO: "End of INFO",
    Numeric.RPL_ENDOFMOTD: "End of MOTD",
    Numeric.RPL_LUSEROP: "operators are here",
    Numeric.RPL_LUSERUNKNOWN: "connections have not chosen a name yet",
    Numeric.RPL_LUSERCHANNELS: "rooms are open",
    Numeric.RPL_UNAWAY: "You are no longer marked as being away",
    Numeric.RPL_NOWAWAY: "You have been marked as being away",
    Numeric.RPL_WHOISOPERATOR: "is an operator of this server",
    Numeric.RPL_ENDOFWHO: "End of WHO",
    Numeric.RPL_WHOISIDLE: "seconds idle, here since",
    Numeric.RPL_ENDOFWHOIS: "End of WHOIS",
    Numeric.RPL_WHOISACCOUNT: "is logged in as",
    Numeric.RPL_WHOISBOT: "is a bot",
    Numeric.RPL_ENDOFWHOWAS: "End of WHOWAS",
    Numeric.RPL_WHOISSECURE: "is using a secure connection",
    Numeric.RPL_YOUREOPER: "You are an operator of this server now",
    Numeric.RPL_ENDOFMONLIST: "End of MONITOR list",
    Numeric.ERR_MONLISTFULL: "Monitor list is full",
    Numeric.RPL_KEYNOTSET: "Key not set",
    Numeric.RPL_LISTSTART: "Users  Name",
    Numeric.RPL_LISTEND: "End of LIST",
    Numeric.RPL_NOTOPIC: "No topic is set",
    Numeric.RPL_ENDOFINVITELIST: "End of your invitations",
    Numeric.RPL_ENDOFINVEXLIST: "End of the list of invitation masks",
    Numeric.RPL_ENDOFEXCEPTLIST: "End of the list of exceptions from bans",
    Numeric.RPL_ENDOFNAMES: "End of NAMES",
    Numeric.RPL_ENDOFBANLIST: "End of the list of bans",
    Numeric.ERR_NOSUCHNICK: "No such nick or channel",
    Numeric.ERR_NOSUCHSERVER: "No such server",
    Numeric.ERR_NOSUCHCHANNEL: "No such channel",
    Numeric.ERR_CANNOTSENDTOCHAN: "Cannot send to channel",
    Numeric.ERR_TOOMANYCHANNELS: "You have joined too many channels",
    Numeric.ERR_WASNOSUCHNICK: "There was no such nickname",
    Numeric.ERR_TOOMANYTARGETS: "Too many targets",
    Numeric.ERR_NOORIGIN: "No token was given",
    Numeric.ERR_INVALIDCAPCMD: "Invalid CAP command",
    Numeric.ERR_NORECIPIENT: "No recipient was given",
    Numeric.ERR_NOTEXTTOSEND: "No text to send",
    Numeric.ERR_TOOMANYMATCHES: "The answer is too long; ask for less",
    Numeric.ERR_INPUTTOOLONG: "Input line was too long",
    Numeric.ERR_UNKNOWNCOMMAND: "Unknown command",
    Numeric.ERR_NOMOTD: "There is no message of the day",
    Numeric.ERR_NONICKNAMEGIVEN: "No nickname was given",
    Numeric.ERR_ERRONEUSNICKNAME: "Erroneous nickname",
    Numeric.ERR_NICKNAMEINUSE: "Nickname is already in use",
    Numeric.ERR_USERNOTINCHANNEL: "They are not on that channel",
    Numeric.ERR_NOTONCHANNEL: "You are not on that channel",
    Numeric.ERR_USERONCHANNEL: "is already on that channel",
    Numeric.ERR_NOTREGISTERED: "You have not registered: NICK and USER first",
    Numeric.ERR_NEEDMOREPARAMS: "Not enough parameters",
    Numeric.ERR_ALREADYREGISTERED: "You have registered already",
    Numeric.ERR_PASSWDMISMATCH: "Password incorrect",
    Numeric.ERR_YOUREBANNEDCREEP: "You are banned from this server",
    Numeric.ERR_LINKCHANNEL: "The channel has been renamed",
    Numeric.ERR_CHANNELISFULL: "Cannot join channel (+l): it is full",
    Numeric.ERR_UNKNOWNMODE: "is unknown mode char to me",
    Numeric.ERR_INVITEONLYCHAN: "Cannot join channel (+i): you must be invited",
    Numeric.ERR_BANNEDFROMCHAN: "Cannot join channel (+b): you are banned",
    Numeric.ERR_BADCHANNELKEY: "Cannot join channel (+k): wrong key",
    Numeric.ERR_BADCHANMASK: "Bad channel name",
    Numeric.ERR_NEEDREGGEDNICK: "Cannot join channel (+R): you need an account",
    Numeric.ERR_BANLISTFULL: "The channel's list is full",
    Numeric.ERR_NOPRIVILEGES: "Permission denied: you are no operator of this server",
    Numeric.ERR_CHANOPRIVSNEEDED: "You are not an operator of that channel",
    Numeric.ERR_NOOPERHOST: "There are no operators for your host",
    Numeric.ERR_UMODEUNKNOWNFLAG: "Unknown mode flag",
    Numeric.ERR_USERSDONTMATCH: "Cannot change or see the modes of others",
    Numeric.ERR_HELPNOTFOUND: "There is no help on that topic",
    Numeric.ERR_INVALIDKEY: "Key is not well-formed",
    Numeric.ERR_INVALIDMODEPARAM: "Invalid mode parameter",
    Numeric.RPL_CHARCONV: "is spoken from now on",
    Numeric.RPL_LOGGEDOUT: "You are logged out",
    Numeric.RPL_SASLSUCCESS: "Authentication successful",
    Numeric.ERR_SASLFAIL: "SASL authentication failed",
    Numeric.ERR_SASLTOOLONG: "SASL message too long",
    Numeric.ERR_SASLABORTED: "SASL authentication aborted",
    Numeric.ERR_SASLALREADY: "You have authenticated already",
    Numeric.RPL_SASLMECHS: "are available SASL mechanisms",
}
