/// Does on the system's threads what burns for longer than the other connections of this one's event loop should wait.
///
/// `@concurrent` alone would not leave the loop: a task's preferred executor is where all of it runs that no actor claims (SE-0417). And a change of the
/// preference alone would neither: the task goes over to what it prefers when a function is called that is `@concurrent`, as `body` is.
package func offLoop<Value: Sendable>(_ body: @concurrent @Sendable () async throws -> Value) async rethrows -> Value {
    try await withTaskExecutorPreference(globalConcurrentExecutor) { try await body() }
}
