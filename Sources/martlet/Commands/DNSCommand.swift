import ArgumentParser
import MailModel
import Transport

struct DNSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns", abstract: "Tell what belongs into the domain name system.", subcommands: [Records.self])

    struct Records: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the records that a domain's zone should have, ready to paste.",
            discussion: """
                Keys to sign with (DKIM) are made where the domain has none. In the form of a zone's file, each with a line that says what it is for; what is to be pasted elsewhere, or only if you want it, is in \
                comments. `martlet doctor` says what is there of it.
                """)

        @Argument(help: "One of the server's domains.") var domain: String
        @Flag(help: "Also for a domain that mail is not taken for yet.") var any = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard let name = Domain(domain), !name.isLiteral, let ascii = name.asciiForm else {
                throw CommandFault(code: Sysexit.dataError, text: "\"\(RemoteReply.cleaned(domain))\" is no domain name")
            }
            let configuration = try options.load()
            if !any {
                guard case .domains(let lines) = try await Administrator(configuration).give(.listDomains) else { return }
                guard lines.contains(where: { Domain($0.name)?.asciiForm == ascii }) else {
                    throw CommandFault(
                        code: Sysexit.noUser, text: "mail is not taken for \(name); martlet domain add makes that so, and --any prints its records before")
                }
            }
            var site = configuration.site(of: ascii, machine: try Configuration.machineAddresses(), key: try await key(configuration))
            if !any, case .signingKeys(let lines) = try await Administrator(configuration).give(.signing(order: .first(domain: ascii.value))) {
                site.signingKeys = lines
            }
            let page = ZonePage(site)
            if output.json { return try Terminal.show(json: page) }
            Terminal.show(page.text)
        }

        /// Nil where there is no certificate: TLS is off, or the server has made none yet.
        private func key(_ configuration: Configuration) async throws -> MailSite.Key? {
            if configuration.issuing != nil {
                guard case .certificateLines(let lines) = try await Administrator(configuration).give(.certificate(order: .list)) else { return nil }
                return lines.first.flatMap { MailSite.Key($0) }
            }
            guard let files = configuration.certificateFiles else { return nil }
            do {
                return MailSite.Key(
                    try await CertificateExamination(certificatePath: files.certificatePath, keyPath: files.keyPath), isOwn: configuration.tls.files == nil)
            } catch let fault as TLSIdentity.Fault where configuration.tls.files == nil && fault.isMissing {
                return nil
            } catch let fault as TLSIdentity.Fault {
                throw CommandFault(code: Sysexit.noInput, text: fault.description)
            }
        }
    }
}

extension MailSite.Key {
    init(_ certificate: CertificateExamination, isOwn: Bool) {
        self.init(digest: certificate.keyDigest, issuer: certificate.issuer, isOwn: isOwn)
    }

    /// Nil: there is none yet.
    init?(_ line: CertificateLine) {
        guard let digest = line.publicKeyDigest.flatMap(RecordMakers.octets(hex:)) else { return nil }
        self.init(digest: digest, issuer: line.issuer ?? "", isOwn: true, nextDigest: line.nextPublicKeyDigest.flatMap(RecordMakers.octets(hex:)))
    }
}
