import Logging
import MailModel
package import NIOCore
import SenderTrust

/// Makes the signatures of one message, whose text is given to it piece by piece as it goes out: lines with CRLF, before dots are doubled.
package struct MessageSigner: Sendable {
    /// Of one domain.
    struct Part: Sendable {
        let domain: Domain
        fileprivate var signer: DKIMSigner

        init(_ domain: Domain, _ keys: [(selector: String, key: DKIMKey)], at time: Timestamp) {
            self.domain = domain
            signer = DKIMSigner(domain: domain, keys: keys, at: time)
        }
    }

    private var parts: [Part]
    private var sealer: ARCSealer?
    /// For the log.
    private let recipient: String
    private let log: Logger

    init(_ parts: [Part], _ sealer: ARCSealer? = nil, to recipient: String, log: Logger) {
        self.parts = parts
        self.sealer = sealer
        self.recipient = recipient
        self.log = log
    }

    package mutating func take(_ text: ByteBuffer) {
        for place in parts.indices { parts[place].signer.take(text) }
        sealer?.take(text)
    }

    /// The text is over: the fields to write before it, whole lines; none where it cannot be signed, which is logged.
    package mutating func finish() -> ByteBuffer {
        var fields = ByteBuffer()
        do throws(DKIMSigner.Fault) { fields.writeBytes(try sealer?.finish() ?? []) } catch {
            // catch: as below.
            log.warning("A message goes unsealed: \(error)", metadata: ["to": "\(recipient)"])
        }
        for place in parts.indices {
            do throws(DKIMSigner.Fault) { fields.writeBytes(try parts[place].signer.finish()) } catch {
                // catch: mail that is not signed is better than none, and what is wrong with it would be so tomorrow too.
                log.warning("A message goes unsigned: \(error)", metadata: ["domain": "\(parts[place].domain)", "to": "\(recipient)"])
            }
        }
        return fields
    }
}
