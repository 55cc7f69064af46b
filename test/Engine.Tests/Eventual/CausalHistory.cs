using CsCheck;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>One thing that happens to a key at some of its replicas.</summary>
internal abstract record CausalStep
{
    /// <summary>A replica writes, having seen what some replica has.</summary>
    public sealed record Write(int At, int SeenAt, EventualWrite What) : CausalStep;

    /// <summary>One replica merges what another one has.</summary>
    public sealed record Merge(int Into, int From) : CausalStep;
}

/// <summary>
/// A key at a few replicas without a network: writes and merges in any order, as the engine does them. Beside it the oracle that tracks causality by plain sets of dots.
/// </summary>
internal sealed class CausalHistory
{
    public const int Replicas = 4;

    private readonly ConflictPolicy _policy;
    private readonly int[] _skews;
    private ulong _counter;
    private long _milliseconds = 1_000_000;

    public CausalHistory(ConflictPolicy policy, int[] skews)
    {
        _policy = policy;
        _skews = skews;
    }

    public DottedSet[] States { get; } = [.. Enumerable.Repeat(DottedSet.Empty, Replicas)];

    public Dictionary<Dot, OneWrite> Writes { get; } = [];

    /// <summary>All writes that a replica has heard of.</summary>
    public HashSet<Dot>[] Heard { get; } = [.. Enumerable.Range(0, Replicas).Select(_ => new HashSet<Dot>())];

    public static Guid Actor(int replica) => new(replica + 1, 0, 0, new byte[8]);

    public static Gen<CausalStep[]> Steps(Gen<EventualWrite> write, int most = 40) => Gen.Frequency(
        (3, Gen.Select(Gen.Int[0, Replicas - 1], Gen.Int[-1, Replicas - 1], write, (at, seen, what) => (CausalStep)new CausalStep.Write(at, seen, what))),
        (2, Gen.Select(Gen.Int[0, Replicas - 1], Gen.Int[0, Replicas - 1], (into, from) => (CausalStep)new CausalStep.Merge(into, from)))).Array[1, most];

    public static CausalHistory Run(ConflictPolicy policy, int[] skews, CausalStep[] steps)
    {
        var history = new CausalHistory(policy, skews);
        foreach (var step in steps)
        {
            if (step is CausalStep.Write write)
                history.Write(write);
            else if (step is CausalStep.Merge merge)
                history.Merge(merge.Into, merge.From);
        }

        return history;
    }

    /// <summary>Everybody hears of everything.</summary>
    public void Converge()
    {
        for (var replica = 1; replica < Replicas; replica++)
            Merge(0, replica);
        for (var replica = 1; replica < Replicas; replica++)
            Merge(replica, 0);
    }

    public void Merge(int into, int from)
    {
        States[into] = ConflictRules.Merge(_policy, States[into], States[from], out _);
        Heard[into].UnionWith(Heard[from]);
    }

    private void Write(CausalStep.Write step)
    {
        var what = step.SeenAt < 0 ? step.What : step.What with { Context = CausalContext.Of(States[step.SeenAt], step.What.Key.Span).Encode() };
        var dot = new Dot(Actor(step.At), ++_counter);
        var now = Timestamp.FromParts(_milliseconds++ + _skews[step.At], 0);
        if (WriteEvaluator.Evaluate(_policy, States[step.At], what, dot, now, EventualFaults.None, out var written) is { } failure)
            throw new InvalidOperationException(failure.Detail);
        HashSet<Dot>? context = step.SeenAt < 0 ? null : [.. Heard[step.SeenAt]];
        HashSet<Dot> known = [.. Heard[step.At]];
        HashSet<Dot> seen = _policy switch
        {
            ConflictPolicy.Siblings => context ?? (what.Kind == EventualWriteKind.Delete ? known : []),
            ConflictPolicy.LastWriterWins => [.. known, .. context ?? []],
            _ => known, // data types go by what their coordinator knows
        };
        Writes.Add(dot, new(written, seen, known, context, what));
        Heard[step.At].Add(dot);
        Heard[step.At].UnionWith(seen);
        States[step.At] = written.Set;
    }
}

/// <summary>A write and what was known of others then.</summary>
/// <param name="Written">What it made.</param>
/// <param name="Seen">The writes that it took the place of, and all that those had seen.</param>
/// <param name="Known">All that its coordinator had heard of.</param>
/// <param name="Context">All that the writer had heard of; null when he did not say.</param>
/// <param name="What">What was asked for.</param>
internal sealed record OneWrite(EvaluatedWrite Written, HashSet<Dot> Seen, HashSet<Dot> Known, HashSet<Dot>? Context, EventualWrite What);
