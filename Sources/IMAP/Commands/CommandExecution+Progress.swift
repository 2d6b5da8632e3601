import MailModel

// INPROGRESS (RFC 9585): a command that takes long says how far it is.
extension CommandExecution {
    /// Called between pieces of work; `done` of `total` are behind it. Says so once in a while, by the clock.
    mutating func tellProgress(_ done: Int, of total: Int) async throws {
        let now = worker.settings.clock()
        guard let last = lastProgress else {
            lastProgress = now
            return
        }
        guard now.rawValue - last.rawValue >= worker.settings.progressInterval, done < total else { return }
        lastProgress = now
        output.writeUntagged(.ok("Still at it", .inProgress(job.tag, done: done, of: total)))
        try await flush()
    }
}
