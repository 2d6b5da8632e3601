/// What whoever runs the outgoing queue does for users, and submission ports therefore offer: FUTURERELEASE, DELIVERBY and MT-PRIORITY are obeyed there.
package struct QueueOffer: Hashable, Sendable {
    /// Seconds for which what a user submits waits, for accounts of ours too, so that they can take it back. 0: it does not.
    package var hold = 0
    /// Seconds for which a user may have a message wait (RFC 4865 §4): 1...999,999,999.
    package var longestHold = 30 * 86_400
    /// Seconds that a message must have that is to come back when it is not there in time (RFC 2852 §3): 1...999,999,999.
    package var shortestDelivery = 60

    package init() {}
}
