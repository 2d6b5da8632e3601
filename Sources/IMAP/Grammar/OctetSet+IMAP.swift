import MessageFormat

// RFC 9051 §9.
extension OctetSet {
    // CHAR = %x01-7F
    // atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
    // list-wildcards = "%" / "*" ; quoted-specials = DQUOTE / "\" ; resp-specials = "]"
    static let atom = OctetSet(0x21...0x7E).subtracting(OctetSet("(){%*\"\\]"))
    // ASTRING-CHAR = ATOM-CHAR / resp-specials
    static let astring = OctetSet.atom.union(OctetSet("]"))
    // tag = 1*<any ASTRING-CHAR except "+">
    static let tag = OctetSet.astring.subtracting(OctetSet("+"))
    // list-char = ATOM-CHAR / list-wildcards / resp-specials
    static let listCharacter = OctetSet.astring.union(OctetSet("%*"))
    // TEXT-CHAR = <any CHAR except CR and LF>, without quoted-specials; UTF-8 is checked when it is read as text.
    static let quotedPlain = OctetSet(0x01...0xFF).subtracting(OctetSet("\"\\\r\n"))
    // What the names of fetch items and sections are made of.
    static let fetchName = OctetSet.letters.union(.digits).union(OctetSet("."))
    static let objectID = OctetSet.letters.union(.digits).union(OctetSet("_-"))
}
