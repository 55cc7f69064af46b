using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace GrainDb.Cluster.Tests.Hosting;

/// <summary>What one node said in its log about its own work, for tests that wait for something that leaves no other trace.</summary>
internal sealed class EventLog : ILoggerProvider
{
    private readonly ConcurrentQueue<(int Id, string Message)> _events = new();

    /// <summary>Whether an event of this id whose text has these words was logged.</summary>
    public bool Has(int id, params string[] words) => _events.Any(entry => entry.Id == id && Array.TrueForAll(words, word => entry.Message.Contains(word, StringComparison.Ordinal)));

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName.StartsWith("GrainDb.", StringComparison.Ordinal));

    public void Dispose()
    {
    }

    public override string ToString() => Last(int.MaxValue);

    /// <summary>The last of it, a line each.</summary>
    public string Last(int lines) => string.Join(Environment.NewLine, _events.TakeLast(lines).Select(entry => $"{entry.Id} {entry.Message}"));

    private sealed class Logger(EventLog log, bool isOurs) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => isOurs && logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                log._events.Enqueue((eventId.Id, formatter(state, exception) + (exception is null ? "" : $" ({exception.Message})")));
        }
    }
}
