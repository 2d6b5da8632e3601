extension CommandLine {
    /// The command, its arguments parsed. Ask first whether `verb` is legal.
    package func parse() throws(SyntaxError) -> Command {
        var reader = ArgumentReader(arguments, textMode)
        let command = Command(verb, try verb.row.parse(&reader))
        try reader.end()
        return command
    }
}
