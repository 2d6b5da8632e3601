import Glibc

// martlet-benchmarks [FOLDER [growth|signatures]]: FOLDER lies on the disk to be measured; the working folder if none is given. `growth`: only how a mailbox of a
// million messages compares with one of a thousand, which takes a minute and a gigabyte; `signatures`: only those.
let base = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "."
let folder = "\(base)/martlet-benchmarks.\(getpid())"
guard mkdir(folder, 0o700) == 0 else {
    print("cannot make \(folder)")
    exit(1)
}
let measure = Measure(repetitions: 5)
if CommandLine.arguments.dropFirst(2).first == "growth" {
    try await GrowthBenchmark(folder: folder).run(measure)
} else if CommandLine.arguments.dropFirst(2).first == "signatures" {
    try await SignatureBenchmark().run(measure)
} else {
    try await FormatBenchmark().run(measure)
    try await SignatureBenchmark().run(measure)
    try await SMTPBenchmark().run(measure)
    try await StoreBenchmark(folder: folder).run(measure)
}
