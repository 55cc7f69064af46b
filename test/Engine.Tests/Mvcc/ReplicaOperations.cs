using CsCheck;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>What a step of a random history does.</summary>
internal enum StepKind
{
    Put,
    PutExpiring,
    Delete,
    Repeat,
    Threshold,
    Collect,
    BeginCheckpoint,
    WriteBlock,
    AbandonCheckpoint,
    Crash,
    Read,
}

/// <summary>One step: a kind, and numbers from which it takes its arguments.</summary>
internal readonly record struct Step(StepKind Kind, int Key, int Time, int Size)
{
    public override string ToString() => $"{Kind}({Key},{Time},{Size})";
}

/// <summary>Random histories of a <see cref="Replica"/>, and how they are carried out.</summary>
internal static class ReplicaOperations
{
    // Timestamps of new versions are drawn from this window above the threshold, so they come in any order.
    private const int TimeWindow = 200;

    private static readonly Gen<StepKind> Kinds = Gen.Frequency(
        (60, Gen.Const(StepKind.Put)),
        (8, Gen.Const(StepKind.PutExpiring)),
        (15, Gen.Const(StepKind.Delete)),
        (4, Gen.Const(StepKind.Repeat)),
        (2, Gen.Const(StepKind.Threshold)),
        (6, Gen.Const(StepKind.Collect)),
        (1, Gen.Const(StepKind.BeginCheckpoint)),
        (5, Gen.Const(StepKind.WriteBlock)),
        (1, Gen.Const(StepKind.Crash)),
        (4, Gen.Const(StepKind.Read)));

    /// <summary>Steps over at most this many keys.</summary>
    public static Gen<Step[]> Steps(int keys, int minCount, int maxCount) => Gen.Select(
        Kinds,
        Gen.Int[0, keys - 1],
        Gen.Int[0, TimeWindow - 1],
        Gen.Int[0, 99],
        (kind, key, time, size) => new Step(kind, key, time, size)).Array[minCount, maxCount];

    /// <summary>Carries out the steps; the replica equals the model at every read and at the end.</summary>
    public static Replica Run(Step[] steps, byte[][] keys)
    {
        var replica = new Replica();
        foreach (var step in steps)
            Run(replica, step, keys);
        AssertSame(replica, keys);
        replica.CollectAll();
        AssertSame(replica, keys);
        replica.Crash(collectEvery: 0);
        AssertSame(replica, keys);
        replica.AssertHeldMemoryIsIntact();
        return replica;
    }

    private static void Run(Replica replica, Step step, byte[][] keys)
    {
        var key = keys[step.Key];
        var timestamp = replica.Model.GcThreshold + 1 + (ulong)step.Time;
        switch (step.Kind)
        {
            case StepKind.Put:
                replica.Write(key, new(timestamp, IsTombstone: false, 0, Value(step, timestamp)));
                break;
            case StepKind.PutExpiring:
                var expiresAt = Math.Max(1, timestamp + (ulong)(step.Size * 2) - 20);
                replica.Write(key, new(timestamp, IsTombstone: false, expiresAt, Value(step, timestamp)));
                break;
            case StepKind.Delete:
                replica.Write(key, new(timestamp, IsTombstone: true, 0, []));
                break;
            case StepKind.Repeat when replica.Records > 0:
                replica.Repeat((step.Key * 7919) % replica.Records);
                break;
            case StepKind.Threshold:
                replica.SetGcThreshold(replica.Model.GcThreshold + ((ulong)step.Time / 2));
                break;
            case StepKind.Collect:
                replica.Collect(1 + (step.Size * 5));
                break;
            case StepKind.BeginCheckpoint:
                replica.BeginCheckpoint();
                break;
            case StepKind.WriteBlock:
                replica.WriteBlock(200 + (step.Size * step.Size * 10));
                break;
            case StepKind.Crash:
                replica.Crash(collectEvery: step.Size % 5);
                AssertSame(replica, keys);
                break;
            case StepKind.Read:
                replica.Hold(key, timestamp);
                AssertSameScans(replica, step, keys);
                break;
        }
    }

    private static byte[] Value(Step step, ulong timestamp)
    {
        var length = step.Size switch { < 10 => 0, < 80 => step.Size, < 98 => step.Size * 20, 98 => 17_000, _ => 40_000 };
        var value = new byte[length];
        value.AsSpan().Fill((byte)(timestamp * 31 + (ulong)step.Key));
        return value;
    }

    private static void AssertSame(Replica replica, byte[][] keys)
    {
        StoreInvariants.Check(replica.Store);
        foreach (var offset in (int[])[0, 37, TimeWindow / 2, TimeWindow * 2])
        {
            var at = replica.Model.GcThreshold + (ulong)offset;
            StoreComparison.AssertSameKeys(replica.Model, replica.Store, keys, at);
            foreach (var reverse in (bool[])[false, true])
                StoreComparison.AssertSameScan(replica.Model, replica.Store, [], null, at, reverse, keysOnly: false, 1000, int.MaxValue);
            StoreComparison.AssertSameChanges(replica.Model, replica.Store, [], null, at, ulong.MaxValue - 1, 1000, int.MaxValue);
        }
    }

    private static void AssertSameScans(Replica replica, Step step, byte[][] keys)
    {
        var at = replica.Model.GcThreshold + (ulong)step.Time;
        var start = keys[step.Key];
        var end = step.Size % 3 == 0 ? null : keys[(step.Key + step.Size) % keys.Length];
        foreach (var reverse in (bool[])[false, true])
            StoreComparison.AssertSameScan(replica.Model, replica.Store, start, end, at, reverse, step.Size % 2 == 0, 1 + step.Size, 1 + (step.Time * 20));

        // Larger answers of larger stores: each is a walk.
        var room = 1 + (replica.Records / 100);
        StoreComparison.AssertSameChanges(
            replica.Model, replica.Store, start, end, replica.Model.GcThreshold + ((ulong)step.Time / 4), at + (ulong)step.Size, room * (1 + step.Size), room * (1 + (step.Time * 20)));
    }
}
