using System.Diagnostics;
using System.Globalization;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Benchmarks.Mvcc;

/// <summary>
/// The figures of docs/adr/0007-mvcc-structure.md in one short run: rates with 1 M keys, the best and the median of a few rounds,
/// bytes per key in memory and in a checkpoint, and the effect of overwriting. BenchmarkDotNet has the precise ones (<see cref="MvccBenchmarks"/>).
/// </summary>
public static class MvccFigures
{
    private const int Rounds = 5;
    private static readonly Timestamp Latest = new(ulong.MaxValue - 1);

    public static void Run(int keys, TextWriter output)
    {
        foreach (var hashed in (bool[])[true, false])
        {
            var workload = new MvccWorkload(keys, hashed);
            output.WriteLine(Line($"{keys} keys of {MvccWorkload.PayloadBytes} B, {(hashed ? "hash" : "range")} partitioning"));
            Inserts(workload, output);
            Reads(workload, output);
            Checkpoints(workload, output);
            Overwrites(workload, output);
        }
    }

    private static void Inserts(MvccWorkload workload, TextWriter output)
    {
        MvccStore? store = null;
        var before = 0L;
        Rate("insert, random order", workload.Keys.Length, output, () =>
        {
            store = null;
            before = GC.GetTotalMemory(forceFullCollection: true);
        }, () => store = workload.Insert(workload.Shuffled));
        Memory("memory after random inserts", before, store!, output);
        Pauses(workload, output);
        var ascending = workload.Keys.Order(Comparer<byte[]>.Create((x, y) => x.AsSpan().SequenceCompareTo(y))).ToArray();
        Rate("insert, ascending", workload.Keys.Length, output, () =>
        {
            store = null;
            before = GC.GetTotalMemory(forceFullCollection: true);
        }, () => store = workload.Insert(ascending));
        Memory("memory after ascending inserts", before, store!, output);
    }

    // One million inserts into one growing store: how often and how long the runtime stops everybody.
    private static void Pauses(MvccWorkload workload, TextWriter output)
    {
        GC.Collect();
        var (collections, pauses) = (GC.CollectionCount(0), GC.GetTotalPauseDuration());
        var store = workload.Insert(workload.Shuffled);
        var count = GC.CollectionCount(0) - collections;
        var total = (GC.GetTotalPauseDuration() - pauses).TotalMilliseconds;
        output.WriteLine(Line($"  {"GC pauses while inserting",-34} {total,10:F1} ms in {count} collections, {total / Math.Max(1, count):F2} ms each"));
        GC.KeepAlive(store);
    }

    private static void Reads(MvccWorkload workload, TextWriter output)
    {
        var store = workload.Insert(workload.Shuffled);

        // New arrays in the order of use: a server's key is hot, so the benchmark must not miss the cache for it.
        var order = (byte[][])workload.Shuffled.Clone();
        new Random(3).Shuffle(order);
        order = [.. order.Select(key => key.ToArray())];
        Rate("point read", order.Length, output, static () => { }, () =>
        {
            foreach (var key in order)
            {
                if (!store.TryGet(key, Latest, out _))
                    throw new InvalidOperationException("A key is missing.");
            }
        });

        foreach (var page in (int[])[100, 10_000])
        {
            foreach (var reverse in (bool[])[false, true])
            {
                var rows = new List<MvccRow>();
                Rate(Line($"scan{(reverse ? " reverse" : "")}, pages of {page}"), order.Length, output, static () => { }, () => ScanAll(store, rows, page, reverse, order.Length));
            }
        }
    }

    private static void ScanAll(MvccStore store, List<MvccRow> rows, int page, bool reverse, int expected)
    {
        byte[]? resume = null;
        var total = 0;
        do
        {
            rows.Clear();
            var start = reverse ? null : resume;
            var end = reverse ? resume : null;
            var slice = store.Scan(start, end, end is not null, Latest, page, int.MaxValue, reverse, keysOnly: false, rows);
            total += slice.Rows;
            resume = slice.ResumeKey;
        }
        while (resume is not null);
        if (total != expected)
            throw new InvalidOperationException("The scan lost rows.");
    }

    private static void Checkpoints(MvccWorkload workload, TextWriter output)
    {
        var count = workload.Keys.Length;
        var store = workload.Insert(workload.Shuffled);
        List<byte[]> blocks = [];
        Rate("checkpoint, in memory", count, output, static () => { }, () => blocks = MvccWorkload.Checkpoint(store));
        output.WriteLine(Line($"  {"checkpoint",-34} {blocks.Sum(block => (long)block.Length) / (double)count,10:F1} B/key"));
        MvccStore? loaded = null;
        var before = 0L;
        Rate("load of a checkpoint", count, output, () =>
        {
            loaded = null;
            before = GC.GetTotalMemory(forceFullCollection: true);
        }, () => loaded = MvccWorkload.Load(blocks));
        Memory("memory after load", before, loaded!, output);
    }

    // Every key once more, and a third time; then everything but the newest versions is collected.
    private static void Overwrites(MvccWorkload workload, TextWriter output)
    {
        var count = workload.Keys.Length;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var store = workload.Insert(workload.Shuffled);
        Rate("overwrite, random order", count, output, static () => { }, () => workload.InsertInto(store, workload.Keys, (ulong)store.Versions + 1), rounds: 2);
        Memory("memory with 3 versions a key", before, store, output);
        store.SetGcThreshold(Latest);
        var longest = TimeSpan.Zero;
        Rate("collection, versions", (int)store.Versions, output, static () => { }, () =>
        {
            while (store.CollectionPending)
            {
                var start = Stopwatch.GetTimestamp();
                store.CollectSlice(1000);
                var elapsed = Stopwatch.GetElapsedTime(start);
                longest = elapsed > longest ? elapsed : longest;
            }
        }, rounds: 1);
        output.WriteLine(Line($"  {"longest slice of 1000",-34} {longest.TotalMilliseconds,10:F2} ms"));
        Memory("memory after collection", before, store, output);
        GC.KeepAlive(store);
    }

    private static void Rate(string what, int operations, TextWriter output, Action prepare, Action action, int rounds = Rounds)
    {
        var rates = new double[rounds];
        for (var round = 0; round < rounds; round++)
        {
            prepare();
            var start = Environment.CpuUsage.TotalTime;
            action();
            rates[round] = operations / (Environment.CpuUsage.TotalTime - start).TotalSeconds / 1e6;
        }

        Array.Sort(rates);
        output.WriteLine(Line($"  {what,-34} {rates[rounds / 2],10:F2} M/s median, {rates[^1]:F2} best"));
    }

    private static void Memory(string what, long before, MvccStore store, TextWriter output)
    {
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        output.WriteLine(Line($"  {what,-34} {bytes / (double)store.Keys,10:F1} B/key, by its own count {store.AllocatedBytes / (double)store.Keys:F1}"));
        GC.KeepAlive(store);
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
