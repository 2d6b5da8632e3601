import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

// Lists of messages: nothing here waits.
extension CommandExecution {
    /// Why `writeLists` came back.
    enum ListStop {
        case end
        /// There is much to send.
        case full
        /// Something of the message at `index` must be read first.
        case mustRead
        /// The message before `index` cannot be shown.
        case failed(any Error)
    }

    /// Answers for `messages[index...]` until something else must be done first; `index` is moved behind what was answered.
    mutating func writeLists(_ messages: [FetchedMessage], from index: inout Int, _ plan: FetchPlan) -> ListStop {
        let writer = fetchWriter
        // What an answer takes, as those before it did.
        var about = 512
        while index < messages.count {
            guard output.readableBytes < CommandExecution.flushSize else { return .full }
            guard plan.isList else { return .mustRead }
            var message = messages[index]
            let start = output.writerIndex
            var isWritten = false
            do {
                if plan.needsValues { try message.decode() }
                let steps = plan.steps(for: message)
                try output.writeText(about: about) { isWritten = try writer.write(message, steps, &$0) }
            } catch {
                index += 1
                return .failed((error as? OutlineCorrupt).map(message.corrupt) ?? error)
            }
            guard isWritten else {
                output.moveWriterIndex(to: start)
                return .mustRead
            }
            // Not before: flags that could not be shown are news still.
            if message.isNews, plan.showsFlags(of: message) { view?.note(message.row) }
            about = output.writerIndex - start + 64
            index += 1
        }
        return .end
    }
}
