/// Runs `body`, and `cleanup` behind it whether it returns or throws.
func withCleanup<Value>(_ cleanup: () async -> Void, _ body: () async throws -> Value) async throws -> Value {
    let result: Result<Value, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    await cleanup()
    return try result.get()
}
