using System.Diagnostics;
using System.Text;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Keys;

/// <summary>What one step of a batch came to: one of the five.</summary>
/// <param name="Failure">Why it failed.</param>
/// <param name="Write">The result of a write.</param>
/// <param name="Read">The result of a read that found its key.</param>
/// <param name="EventualWrite">The result of a write to an eventual keyspace.</param>
/// <param name="EventualRead">The result of a read of an eventual keyspace that found its key, and what a reader sees of it.</param>
internal readonly record struct BatchResult(
    Failure? Failure,
    WriteResult? Write,
    ReadResult? Read,
    EventualWriteResult? EventualWrite = null,
    (EventualReadResult Result, EventualContent Content)? EventualRead = null);

/// <summary>
/// Runs the steps of one batch: those of one key in their order, one after the other; different keys in parallel, at most
/// <see cref="MaxParallel"/> at once. A step that the deadline left unstarted certainly did nothing, and says so.
/// </summary>
internal sealed class BatchRunner(
    IKeyValueStore store,
    IEventualStore eventual,
    IEventualStates states,
    IReadOnlyList<BatchStep> steps,
    TimeSpan timeout,
    CancellationToken cancellationToken)
{
    /// <summary>Keys in progress at once. Enough to fill a commit batch, too few to crowd out other requests.</summary>
    public const int MaxParallel = 32;

    /// <summary>Bytes of values that one batch may return.</summary>
    public const long MaxReturnedBytes = 64 * 1024 * 1024;

    private readonly BatchResult[] _results = new BatchResult[steps.Count];
    private readonly long _started = Stopwatch.GetTimestamp();
    private long _returnedBytes;

    public async Task<BatchResult[]> RunAsync()
    {
        var queues = GroupByKey();
        var next = -1;
        var workers = new Task[Math.Min(MaxParallel, queues.Count)];
        for (var i = 0; i < workers.Length; i++)
            workers[i] = WorkAsync();
        await Task.WhenAll(workers);
        return _results;

        async Task WorkAsync()
        {
            for (var queue = Interlocked.Increment(ref next); queue < queues.Count; queue = Interlocked.Increment(ref next))
            {
                foreach (var index in queues[queue])
                    _results[index] = await RunAsync(steps[index]);
            }
        }
    }

    private List<List<int>> GroupByKey()
    {
        var queues = new List<List<int>>();
        var byKey = new Dictionary<(string Keyspace, string Key), List<int>>();
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            if (step.Failure is not null)
            {
                _results[i] = new BatchResult(step.Failure, Write: null, Read: null);
                continue;
            }

            // Latin-1 gives every byte its own character, so equal strings are equal keys.
            var key = (step.Keyspace, Encoding.Latin1.GetString(step.Key));
            if (!byKey.TryGetValue(key, out var queue))
            {
                byKey.Add(key, queue = []);
                queues.Add(queue);
            }

            queue.Add(i);
        }

        return queues;
    }

    private async ValueTask<BatchResult> RunAsync(BatchStep step)
    {
        var left = timeout - Stopwatch.GetElapsedTime(_started);
        if (left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
            return Failed(Failure.NotApplied(ErrorCode.Unavailable, "The batch's time was over before this operation began."));

        if (step.Eventual is { } keyspace)
            return await RunAsync(step, keyspace, left);
        if (step.Write is { } write)
        {
            var written = await store.WriteAsync(step.Keyspace, write, new WriteOptions(WriteLevel.Quorum, step.Idempotency), left, cancellationToken);
            return written.Failure is { } failure ? Failed(failure) : new BatchResult(Failure: null, written, Read: null);
        }

        var read = await store.ReadAsync(step.Keyspace, step.Key, step.AsOf, ReadConsistency.Linearizable, left, cancellationToken);
        if (read.Failure is { } refused)
            return Failed(refused);
        if (!read.Found)
            return Failed(KeyAnswers.NotFound(step.AsOf));
        return TooMuch(read.Value.Length) ?? new BatchResult(Failure: null, Write: null, read);
    }

    private async ValueTask<BatchResult> RunAsync(BatchStep step, KeyspaceDescriptor keyspace, TimeSpan left)
    {
        if (step.EventualWrite is { } write)
        {
            var written = await eventual.WriteAsync(step.Keyspace, write, EventualLevel.Quorum, step.Idempotency, left, cancellationToken);
            return written.Failure is { } failure ? Failed(failure) : new BatchResult(Failure: null, Write: null, Read: null, written);
        }

        var read = await eventual.ReadAsync(step.Keyspace, step.Key, EventualLevel.Quorum, left, cancellationToken);
        if (read.Failure is { } refused)
            return Failed(refused);
        var content = states.Read(keyspace.Conflict, read.State, read.Now);
        return content.Exists
            ? TooMuch(content.Values.Sum(value => (long)value.Value.Length)) ?? new BatchResult(Failure: null, Write: null, Read: null, EventualWrite: null, (read, content))
            : Failed(KeyAnswers.NotFound(Timestamp.Zero));
    }

    private BatchResult? TooMuch(long bytes) => Interlocked.Add(ref _returnedBytes, bytes) > MaxReturnedBytes
        ? Failed(Failure.NotApplied(ErrorCode.RequestTooLarge, $"The values of this batch exceed {MaxReturnedBytes} bytes; read this one by itself."))
        : null;

    private static BatchResult Failed(Failure failure) => new(failure, Write: null, Read: null);
}
