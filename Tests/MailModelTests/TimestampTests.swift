import MailModel
import Testing

@Suite("Timestamps")
struct TimestampTests {
    typealias Civil = Timestamp.Civil

    @Test(
        "moments and their civil dates",
        arguments: [
            (0, "1970-01-01T00:00:00Z", 4), (951_782_400, "2000-02-29T00:00:00Z", 2), (1_735_689_599, "2024-12-31T23:59:59Z", 2),
            (-1, "1969-12-31T23:59:59Z", 3), (4_102_444_800, "2100-01-01T00:00:00Z", 5), (-62_167_219_200, "0000-01-01T00:00:00Z", 6),
            (253_402_300_799, "9999-12-31T23:59:59Z", 5), (1_795_307_700, "2026-11-22T00:35:00Z", 0),
        ] as [(Int64, String, Int)])
    func known(raw: Int64, text: String, weekday: Int) {
        let moment = Timestamp(rawValue: raw)
        #expect(moment.description == text && moment.weekday == weekday)
        #expect(Timestamp(moment.civil) == moment)
    }

    @Test("every day of 800 years comes back, and is followed by the next")
    func roundTrip() throws {
        var previous = try #require(Timestamp(Civil(year: 1599, month: 12, day: 31)))
        for day in 0..<292_194 {
            let moment = Timestamp(rawValue: previous.rawValue + 86_400)
            let civil = moment.civil
            guard Timestamp(civil) == moment, moment.weekday == (previous.weekday + 1) % 7, civil.hour == 0 else {
                Issue.record("day \(day), \(civil)")
                return
            }
            previous = moment
        }
        #expect(previous.civil == Civil(year: 2399, month: 12, day: 31))
    }

    @Test("zones east and west of Greenwich", arguments: [-1_439, -720, -330, -1, 0, 1, 60, 345, 840, 1_439])
    func offsets(offset: Int) throws {
        let moment = Timestamp(rawValue: 1_700_000_000)
        #expect(Timestamp(moment.civil(offset: offset), offset: offset) == moment)
        let civil = Civil(year: 2026, month: 3, day: 1, hour: 12)
        let zoned = try #require(Timestamp(civil, offset: offset))
        #expect(zoned.rawValue == (try #require(Timestamp(civil)).rawValue) - Int64(offset) * 60)
    }

    @Test(
        "dates that are none",
        arguments: [
            Civil(year: 2023, month: 2, day: 29), Civil(year: 1900, month: 2, day: 29), Civil(year: 2024, month: 4, day: 31),
            Civil(year: 2024, month: 0, day: 1), Civil(year: 2024, month: 13, day: 1), Civil(year: 2024, month: 1, day: 0),
            Civil(year: 2024, month: 1, day: 32), Civil(year: -1, month: 1, day: 1), Civil(year: 10_000, month: 1, day: 1),
            Civil(year: 2024, month: 1, day: 1, hour: 24), Civil(year: 2024, month: 1, day: 1, minute: 60),
            Civil(year: 2024, month: 1, day: 1, second: 61), Civil(year: 2024, month: 1, day: 1, hour: -1),
            Civil(year: 2024, month: 1, day: 1, second: -1), Civil(year: .max, month: .max, day: .max), Civil(year: .min, month: .min, day: .min),
        ])
    func none(civil: Civil) {
        #expect(Timestamp(civil) == nil)
    }

    @Test("a leap second counts as the one before it; offsets of a day and more are none")
    func edges() throws {
        let leap = Civil(year: 2016, month: 12, day: 31, hour: 23, minute: 59, second: 60)
        #expect(Timestamp(leap)?.rawValue == 1_483_228_799)
        #expect(Timestamp(Civil(year: 2024, month: 1, day: 1), offset: 1_440) == nil)
        #expect(Timestamp(Civil(year: 2024, month: 1, day: 1), offset: -1_440) == nil)
        #expect(Timestamp.monthNames.count == 12 && Timestamp.weekdayNames.count == 7)
    }
}
