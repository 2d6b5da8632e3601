extension Configuration {
    /// Who the server is on its machine, and what of it nobody else there is to have.
    struct Machine: Hashable, Sendable {
        /// The file of the master key; nil: where the data folder has it.
        let masterKey: String?
        /// Names or numbers. `user` nil: nobody else than who starts it.
        let user: String?
        let group: String?
        let allowsCoreDumps: Bool

        init(_ values: SettingValues) throws(ConfigurationFault) {
            masterKey = values.text(.masterKey)
            user = values.text(.user)
            group = values.text(.group)
            allowsCoreDumps = values.toggle(.coreDumps)
            if group != nil, user == nil { throw values.origin(of: .group).fault(.group, "has no user beside it", "set user too") }
        }
    }
}
