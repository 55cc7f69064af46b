namespace GrainDb.Engine.Eventual;

/// <summary>Something that waits for a log. Completed inline on the flushing thread, never under a lock.</summary>
/// <typeparam name="TBatch">What one flush adds to the state behind the log.</typeparam>
internal abstract class LogOperation<TBatch>(int bytes)
{
    /// <summary>About what it will add to the log.</summary>
    public int Bytes => bytes;

    /// <summary>Decides what it does, on the state that everything before it leaves.</summary>
    public abstract void Evaluate(TBatch batch);

    /// <summary>What it did is durable.</summary>
    public abstract void Complete();

    /// <summary>It did not become durable: certainly not with <see cref="Wal.DiskFullException"/> and <see cref="ObjectDisposedException"/>, otherwise nobody knows.</summary>
    public abstract void Fail(Exception exception);
}

/// <typeparam name="TBatch">What one flush adds to the state behind the log.</typeparam>
/// <typeparam name="T">What the operation answers.</typeparam>
/// <param name="bytes">About what it will add to the log.</param>
/// <param name="evaluate">Decides; gives the answer for when that is durable.</param>
/// <param name="failed">The answer when it does not become durable.</param>
internal sealed class LogOperation<TBatch, T>(int bytes, Func<TBatch, T> evaluate, Func<Exception, T> failed) : LogOperation<TBatch>(bytes)
{
    private readonly TaskCompletionSource<T> _done = new();
    private T _answer = default!;

    public Task<T> Task => _done.Task;

    public override void Evaluate(TBatch batch) => _answer = evaluate(batch);

    public override void Complete() => _done.TrySetResult(_answer);

    public override void Fail(Exception exception) => _done.TrySetResult(failed(exception));
}
