import Gatehouse

extension LoginPenalties.Settings {
    init(_ values: SettingValues) {
        func seconds(_ setting: Setting, _ standard: Duration) -> Duration { values.number(setting).map { .seconds($0) } ?? standard }
        self.init()
        lockoutFailures = values.number(.lockoutFailures) ?? lockoutFailures
        lockoutWindow = seconds(.lockoutWindow, lockoutWindow)
        lockoutDuration = seconds(.lockoutDuration, lockoutDuration)
        longestLockout = max(seconds(.longestLockout, longestLockout), lockoutDuration)
        banFailures = values.number(.banFailures) ?? banFailures
        banWindow = seconds(.banWindow, banWindow)
        banDuration = seconds(.banDuration, banDuration)
        longestBan = max(seconds(.longestBan, longestBan), banDuration)
    }
}
