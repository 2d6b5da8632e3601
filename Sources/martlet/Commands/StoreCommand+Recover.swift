import ArgumentParser
import Glibc
import SQLiteStore
import Storage

extension StoreCommand {
    struct Recover: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring back what the index lost, from the sealed catalogue, the accounts' keys and the bodies.",
            discussion: """
                Without --apply it only says what it would do and changes nothing. The server must be stopped. Nothing is overwritten: an index \
                that cannot be read is moved into the folder `aside`. Mail that the catalogue does not know goes into the mailbox `Recovered`. \
                Exit code 75 while a server runs on the data folder, 65 when something could not be brought back.
                """)

        @Flag(help: "Do it.") var apply = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            let configuration = try options.load()
            try configuration.settle()
            let folder = try DataFolder.open(configuration.data, key: configuration.machine.masterKey, creating: false)
            guard access(folder.keyPath, F_OK) == 0 else {
                throw CommandFault(
                    code: Sysexit.noPermission, text: "\(folder.keyPath) is missing, and without it nothing can be recovered; put it back from your backup")
            }
            let key = try folder.openMasterKey(random: { _ in [] })
            let report: RecoveryReport
            do {
                report = try SQLiteStore.recover(
                    folder.path, masterKey: key, apply: apply, generation: try folder.generation(), now: SystemClock.now(), log: try Administrator.quiet(),
                    progress: { Terminal.complain($0) })
            } catch StorageFault.unavailable(let reason) {
                throw CommandFault(code: Sysexit.unavailable, text: reason)
            } catch StorageFault.corrupt(let reason) {
                throw CommandFault(code: Sysexit.dataError, text: "damaged: \(reason)")
            } catch StorageFault.full {
                throw CommandFault(code: Sysexit.temporaryFailure, text: "the disk is full; nothing was changed")
            }
            if output.json { try Terminal.show(json: report) } else { show(report) }
            guard report.damaged == 0, report.withoutKey == 0, report.accounts.allSatisfy({ $0.lost == 0 }), report.problems.isEmpty else {
                throw CommandFault(code: Sysexit.dataError, text: "not everything can be brought back")
            }
        }

        private func show(_ report: RecoveryReport) {
            switch report.index {
            case .kept: Terminal.show("The index can be read.")
            case .fromCatalogue:
                Terminal.show("\(report.reason ?? ""): it \(apply ? "was" : "would be") made anew from the catalogue of \(report.catalogue ?? "").")
            case .fromKeys:
                Terminal.show("\(report.reason ?? ""), and there is no catalogue: it \(apply ? "was" : "would be") made anew from the accounts' keys.")
            }
            for account in report.accounts {
                Terminal.show(
                    "\(account.name)\t\(account.isMade ? "made anew, " : "")\(account.inPlace) in place, \(account.restored) restored, "
                        + "\(account.recovered) for Recovered, \(account.lost) without a body")
            }
            Terminal.show("bodies in place: \(report.bodies)")
            Terminal.show("bodies of removed mail: \(report.removed)")
            if report.queued > 0 { Terminal.show("messages for the outgoing queue: \(report.queued)") }
            Terminal.show("bodies that are not whole: \(report.damaged)")
            Terminal.show("bodies without a key: \(report.withoutKey)")
            for problem in report.problems { Terminal.show("problem: \(problem)") }
            if !apply { Terminal.show(report.changes ? "Nothing was changed; --apply does it." : "There is nothing to bring back.") }
        }
    }
}
