using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace GrainDb.LoadTool.Measuring;

/// <summary>
/// Open loop: requests are due at a fixed rate, whether or not the server keeps up. A free client takes the oldest request
/// that is due, and its latency counts from when it was due; so a stall of the server shows in every request that it
/// delayed (no coordinated omission; Tene, "How NOT to Measure Latency").
/// </summary>
internal sealed partial class OpenLoop : IArrivals, IDisposable
{
    /// <summary>
    /// The pacing thread sleeps at least this long: shorter sleeps cost CPU that the server needs, here and there, where every request becomes a wake-up of its own. What it adds
    /// to a latency counts.
    /// </summary>
    private static readonly long MinSleepTicks = Stopwatch.Frequency / 2_500;

    /// <summary>And at most this long, to see a client that became free.</summary>
    private static readonly long MaxSleepTicks = Stopwatch.Frequency / 1_000;

    private readonly Lock _lock = new();
    private readonly Waiter[] _waiters;
    private readonly Stack<Waiter> _free = [];
    private readonly Thread _pacer;
    private readonly double _ticksPerRequest;
    private readonly long _start;
    private readonly long _until;
    private readonly CancellationToken _cancellationToken;
    private long _next;

    /// <summary>Requests from <paramref name="start"/> until <paramref name="until"/>, in timestamps.</summary>
    public OpenLoop(double ratePerSecond, int clients, long start, long until, CancellationToken cancellationToken)
    {
        (_start, _until, _cancellationToken) = (start, until, cancellationToken);
        _ticksPerRequest = Stopwatch.Frequency / ratePerSecond;
        _waiters = [.. Enumerable.Range(0, clients).Select(_ => new Waiter())];
        _pacer = new Thread(Pace) { IsBackground = true, Name = "pacer" };
        _pacer.Start();
    }

    /// <inheritdoc/>
    public ValueTask<long> NextAsync(int client)
    {
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            if (IsOver(now))
                return new(IArrivals.Over);
            var due = Due(_next);
            if (due <= now)
            {
                _next++;
                return new(due);
            }

            var waiter = _waiters[client];
            var wait = waiter.Wait();
            _free.Push(waiter);
            return wait;
        }
    }

    /// <summary>
    /// When the requests were due that no client took, up to <paramref name="end"/>: an interrupted run ends before its time.
    /// Meaningful once all clients have been told that it is over.
    /// </summary>
    public IEnumerable<long> Untaken(long end)
    {
        for (var i = _next; Due(i) < Math.Min(end, _until); i++)
            yield return Due(i);
    }

    /// <inheritdoc/>
    public void Dispose() => _pacer.Join();

    private long Due(long request) => _start + (long)(request * _ticksPerRequest);

    private bool IsOver(long now) => now >= _until || _cancellationToken.IsCancellationRequested;

    private void Pace()
    {
        var ready = new List<(Waiter Waiter, long Due)>();
        while (true)
        {
            var now = Stopwatch.GetTimestamp();
            var over = IsOver(now);
            long sleep;
            lock (_lock)
            {
                while (_free.Count > 0 && Due(_next) <= now && Due(_next) < _until)
                    ready.Add((_free.Pop(), Due(_next++)));
                // Not on this thread: whoever waits for the last client may dispose of this object, and so join this thread.
                while (over && _free.TryPop(out var waiter))
                    ThreadPool.UnsafeQueueUserWorkItem(static waiter => waiter.Release(IArrivals.Over), waiter, preferLocal: false);
                sleep = Math.Clamp(Due(_next) - now, MinSleepTicks, MaxSleepTicks);
            }

            // Outside the lock: the client sends its request on this thread.
            foreach (var (waiter, due) in ready)
                waiter.Release(due);
            ready.Clear();
            if (over)
                return;
            Sleep(sleep);
        }
    }

    private static void Sleep(long ticks)
    {
        if (OperatingSystem.IsWindows())
        {
            Thread.Sleep(1);
            return;
        }

        // Thread.Sleep knows milliseconds only, which would bunch the requests.
        var span = new TimeSpec { Seconds = 0, Nanoseconds = (nint)(ticks * 1e9 / Stopwatch.Frequency) };
        _ = NanoSleep(in span, 0);
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec span, nint remaining);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    private sealed class Waiter : IValueTaskSource<long>
    {
        private ManualResetValueTaskSourceCore<long> _core;

        public ValueTask<long> Wait()
        {
            _core.Reset();
            return new(this, _core.Version);
        }

        public void Release(long due) => _core.SetResult(due);

        public long GetResult(short token) => _core.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _core.OnCompleted(continuation, state, token, flags);
    }
}
