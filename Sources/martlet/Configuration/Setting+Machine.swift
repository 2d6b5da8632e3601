// Who the server is on its machine, and what of it nobody else there is to have.
extension Setting {
    static let masterKey = Setting(
        "master-key", .path, standardNote: "`<data>.key`; where the data folder is a volume of its own, or nothing can be made beside it, `master.key` in it",
        help: "The master key's file, mode 0600; made with the data folder. One that lies in the data folder is stolen and lost with it")
    static let user = Setting(
        "user", .login, standardNote: "who starts it",
        help: "Whom the server becomes when root starts it: it opens its ports, and everything else as that user")
    static let group = Setting("group", .login, standardNote: "that of `user`", help: "Its group, where that is not the one the system has for `user`")
    static let coreDumps = Setting(
        "core-dumps", .toggle, standard: "false",
        help: "A crash may leave a core, and debuggers of the same user may look into the program: both show keys, passwords and mail")

    /// In the order of the reference.
    static let machine: [Setting] = [masterKey, user, group, coreDumps]
}
