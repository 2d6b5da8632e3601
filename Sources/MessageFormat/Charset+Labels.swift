extension Charset {
    /// How a charset is read.
    enum Coding {
        case utf8
        case ascii
        case hz
        /// By the C library, under this name.
        case library(String)

        init?(_ label: String) {
            let name = String(
                String.UnicodeScalarView(
                    label.lowercased().unicodeScalars.filter { $0.value > 0x20 && $0 != "\"" && $0 != "'" }))
            switch name {
            case "utf-8", "utf8", "unicode-1-1-utf-8", "cp65001": self = .utf8
            case "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "iso-ir-6", "646", "us", "unknown-8bit",
                "x-unknown", "default", "7bit", "8bit":
                self = .ascii
            case "hz-gb-2312", "hz": self = .hz
            default:
                guard let found = Coding.table[name] ?? Coding.family(name) else { return nil }
                self = .library(found)
            }
        }

        /// Names that are a series and a number: ISO 8859, Windows and IBM code pages.
        private static func family(_ name: String) -> String? {
            for (prefix, target, numbers) in series where name.hasPrefix(prefix) {
                let number = String(name.dropFirst(prefix.count).prefix { $0 != ":" && $0 != "_" && $0 != "-" })
                if numbers.contains(number) { return target + number }
            }
            return nil
        }

        private static let latin: Set<String> = [
            "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "13", "14", "15", "16",
        ]
        private static let windows: Set<String> = [
            "1250", "1251", "1252", "1253", "1254", "1255", "1256", "1257", "1258", "874",
        ]
        private static let ibm: Set<String> = [
            "437", "737", "775", "850", "852", "855", "857", "858", "860", "861", "862", "863", "864", "865", "866",
            "869",
        ]

        private static let series: [(prefix: String, target: String, numbers: Set<String>)] = [
            ("iso-8859-", "ISO-8859-", latin), ("iso8859-", "ISO-8859-", latin), ("iso_8859-", "ISO-8859-", latin),
            ("iso8859_", "ISO-8859-", latin), ("8859_", "ISO-8859-", latin),
            ("windows-", "CP", windows), ("cp-", "CP", windows.union(ibm)), ("cp", "CP", windows.union(ibm)),
            ("x-cp", "CP", windows), ("win", "CP", windows), ("ibm", "CP", ibm),
        ]

        // windows-1252 stands for ISO 8859-1, and the vendors' larger sets for the standards', as every mail reader
        // does.
        private static let table: [String: String] = [
            "iso-8859-1": "CP1252", "iso8859-1": "CP1252", "iso_8859-1": "CP1252", "iso_8859-1:1987": "CP1252",
            "iso8859_1": "CP1252", "8859_1": "CP1252", "latin1": "CP1252", "latin-1": "CP1252", "l1": "CP1252",
            "latin2": "ISO-8859-2", "l2": "ISO-8859-2", "latin3": "ISO-8859-3", "latin4": "ISO-8859-4",
            "latin5": "ISO-8859-9", "latin6": "ISO-8859-10", "latin9": "ISO-8859-15", "latin-9": "ISO-8859-15",
            "cyrillic": "ISO-8859-5", "arabic": "ISO-8859-6", "greek": "ISO-8859-7", "hebrew": "ISO-8859-8",
            "iso-8859-8-i": "ISO-8859-8", "iso-8859-8-e": "ISO-8859-8", "iso-8859-6-i": "ISO-8859-6",
            "koi8-r": "KOI8-R", "koi8r": "KOI8-R", "koi8": "KOI8-R", "koi8-u": "KOI8-U", "koi8-ru": "KOI8-U",
            "macintosh": "MACINTOSH", "mac": "MACINTOSH", "x-mac-roman": "MACINTOSH", "x-mac-cyrillic": "MAC-CYRILLIC",
            "iso-2022-jp": "ISO-2022-JP-2", "iso-2022-jp-1": "ISO-2022-JP-2", "iso-2022-jp-2": "ISO-2022-JP-2",
            "iso-2022-jp-3": "ISO-2022-JP-3", "csiso2022jp": "ISO-2022-JP-2", "iso-2022-kr": "ISO-2022-KR",
            "shift_jis": "CP932", "shift-jis": "CP932", "sjis": "CP932", "x-sjis": "CP932", "ms_kanji": "CP932",
            "windows-31j": "CP932", "cp932": "CP932", "ms932": "CP932", "euc-jp": "EUC-JP-MS", "eucjp": "EUC-JP-MS",
            "x-euc-jp": "EUC-JP-MS", "euc-kr": "UHC", "euckr": "UHC", "ks_c_5601-1987": "UHC", "ksc5601": "UHC",
            "korean": "UHC", "cp949": "UHC", "windows-949": "UHC", "uhc": "UHC", "johab": "JOHAB",
            "gb2312": "GB18030", "gb_2312-80": "GB18030", "euc-cn": "GB18030", "gbk": "GB18030", "cp936": "GB18030",
            "windows-936": "GB18030", "ms936": "GB18030", "gb18030": "GB18030", "chinese": "GB18030",
            "x-gbk": "GB18030",
            "big5": "CP950", "big-5": "CP950", "cn-big5": "CP950", "x-x-big5": "CP950", "cp950": "CP950",
            "windows-950": "CP950", "big5-hkscs": "BIG5-HKSCS", "euc-tw": "EUC-TW",
            "tis-620": "CP874", "tis620": "CP874", "iso-8859-11": "CP874", "viscii": "VISCII", "tcvn": "TCVN",
            "armscii-8": "ARMSCII-8", "georgian-ps": "GEORGIAN-PS", "pt154": "PT154", "rk1048": "RK1048",
            "utf-7": "UTF-7", "unicode-1-1-utf-7": "UTF-7", "utf7": "UTF-7", "utf-16": "UTF-16", "utf16": "UTF-16",
            "utf-16be": "UTF-16BE", "utf-16le": "UTF-16LE", "ucs-2": "UTF-16BE", "iso-10646-ucs-2": "UTF-16BE",
            "utf-32": "UTF-32", "utf-32be": "UTF-32BE", "utf-32le": "UTF-32LE", "iso-10646-ucs-4": "UTF-32BE",
        ]
    }
}
