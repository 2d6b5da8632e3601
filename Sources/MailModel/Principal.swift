/// Who is speaking, once the Gatehouse has made sure.
package struct Principal: Hashable, Sendable {
    package let account: AccountID
    package let name: AccountName

    package init(account: AccountID, name: AccountName) {
        self.account = account
        self.name = name
    }
}
