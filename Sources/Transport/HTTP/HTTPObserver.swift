/// Hears what becomes of a listener's connections and requests. It is called on event loops, and must neither wait nor take long.
package protocol HTTPObserver: Sendable {
    /// A connection was let in.
    func opened()
    /// It is gone.
    func closed()
    /// One was not let in.
    func refused(_ refusal: Doorkeeper.Refusal)
    /// A request is answered, to the end of its answer's header. `time`: since its own header was there.
    func answered(_ status: Int, after time: Duration)
}
