using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Eventual;

/// <summary>
/// Ended conflicts of a keyspace from all replicas, newest first. A conflict is named by the write that stands: replicas that saw it end each have it, perhaps with different losers, and it is shown once, with all of
/// them. Every node gives a page; what lies behind the end of a page that is not a node's last is left to the next one, since that node may have something before it.
/// </summary>
internal sealed class ConflictSearch(NodeOptions node, EventualPartitions partitions, EventualHost host, EventualAnswers answers, EventualTransport transport, IGrainFactory grains, LiveNodes live, TimeProvider time)
{
    /// <summary>Bytes of one node's answer.</summary>
    private const int MaxAnswerBytes = 4 << 20;

    /// <summary>Most conflicts of one page.</summary>
    private const int MaxLimit = 1000;

    /// <summary>A page from all nodes.</summary>
    public async Task<ConflictPage> RunAsync(KeyspaceMap keyspace, ConflictPosition? after, int limit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        limit = Math.Clamp(limit, 1, MaxLimit);
        var query = new ConflictQuery(keyspace.Keyspace.Name, after, limit + 1, MaxAnswerBytes);
        var nodes = keyspace.Ranges.SelectMany(range => range.Nodes).Distinct().ToList();
        var answers = await Task.WhenAll(nodes.Select(name => AskAsync(name, query, timeout, cancellationToken)).ToList());
        var open = answers.Where(answer => answer is { IsLast: false, Conflicts.Length: > 0 }).Select(answer => PositionOf(answer!.Conflicts[^1])).ToList();
        var found = answers
            .SelectMany(answer => answer?.Conflicts ?? [])
            .GroupBy(PositionOf)
            .OrderByDescending(same => same.Key, PositionComparer.Instance)
            .TakeWhile(same => open.TrueForAll(end => PositionComparer.Instance.Compare(same.Key, end) >= 0))
            .SelectMany(same => same.GroupBy(record => record.Key, KeyComparer.Instance).Select(Together))
            .ToList();
        var isLast = found.Count <= limit && open.Count == 0;
        List<ConflictRecord> page = [.. found.Take(limit)];
        return new()
        {
            Conflicts = page,
            Next = isLast || page.Count == 0 ? null : PositionOf(page[^1]),
            Missing = [.. nodes.Where((_, index) => answers[index] is not { IsWhole: true })],
        };
    }

    /// <summary>What this node's replicas have.</summary>
    public async Task<NodeConflicts> FindHereAsync(ConflictQuery query)
    {
        var isWhole = true;
        List<ConflictRecord> all = [];
        foreach (var partition in partitions.Own.Where(partition => partition.Keyspace.Name == query.Keyspace))
        {
            var id = partition.Range.Id;
            if ((host.FindOpen(id) ?? await host.FindAsync(id, partition.Range.On(node.Name)!.Id)) is { } replica)
                all.AddRange(replica.GetConflicts(Lsn.Zero, int.MaxValue).Select(conflict => conflict.Record).Where(record => query.After is not { } after || PositionComparer.Instance.Compare(PositionOf(record), after) < 0));
            else
                isWhole = false;
        }

        all.Sort(static (left, right) => PositionComparer.Instance.Compare(PositionOf(right), PositionOf(left)));
        List<ConflictRecord> page = [];
        var bytes = 0L;
        foreach (var record in all)
        {
            bytes += record.Key.Length + record.Losers.Sum(loser => (long)loser.Value.Length + loser.Field.Length);
            if (page.Count > 0 && (page.Count == query.Limit || bytes > query.MaxBytes))
                break;
            page.Add(record);
        }

        return new([.. page], page.Count == all.Count, isWhole);
    }

    /// <summary>Has the replicas of a key forget the conflicts that a write ended.</summary>
    public async Task<ConflictDismissal> DismissAsync(EventualPartition partition, ReadOnlyMemory<byte> key, Dot winner, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var nodes = partition.Range.Nodes.ToList();
        var answers = await Task.WhenAll(nodes.Select(name => DismissAsync(partition.Range.Id, name, key, winner, timeout, cancellationToken)).ToList());
        return Array.TrueForAll(answers, answer => answer is null)
            ? ConflictDismissal.Failed(Failure.Unknown(ErrorCode.OutcomeUnknown, "no replica of the key answered in time"))
            : new() { Found = answers.Contains(true), Missing = [.. nodes.Where((_, index) => answers[index] is null)] };
    }

    private async Task<bool?> DismissAsync(RangeId partition, string name, ReadOnlyMemory<byte> key, Dot winner, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (live.Find(name) is null || timeout <= TimeSpan.Zero)
            return null;
        try
        {
            var running = name == node.Name ? answers.DismissAsync(partition, key, winner) : transport.On(partition, name).DismissAsync(key, winner);
            return await running.WaitAsync(timeout, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or PlacementUnavailableException)
        {
            return null;
        }
    }

    private async Task<NodeConflicts?> AskAsync(string name, ConflictQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (live.Find(name) is null || timeout <= TimeSpan.Zero)
            return null;
        try
        {
            var running = name == node.Name ? FindHereAsync(query) : grains.GetGrain<INodeGrain>(name).GetConflictsAsync(query);
            return await running.WaitAsync(timeout, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or PlacementUnavailableException)
        {
            return null;
        }
    }

    private static ConflictPosition PositionOf(ConflictRecord record) => new(record.At, record.Winner);

    private static ConflictRecord Together(IGrouping<ReadOnlyMemory<byte>, ConflictRecord> same) => same.First() with
    {
        Losers = [.. same.SelectMany(record => record.Losers).DistinctBy(loser => (loser.Dot, Convert.ToHexString(loser.Field.Span))).OrderBy(loser => loser.Dot)],
    };

    private sealed class PositionComparer : IComparer<ConflictPosition>
    {
        public static readonly PositionComparer Instance = new();

        public int Compare(ConflictPosition? left, ConflictPosition? right)
        {
            var byTime = left!.At.CompareTo(right!.At);
            return byTime != 0 ? byTime : left.Winner.CompareTo(right.Winner);
        }
    }

    private sealed class KeyComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right) => left.Span.SequenceEqual(right.Span);

        public int GetHashCode(ReadOnlyMemory<byte> key)
        {
            var hash = default(HashCode);
            hash.AddBytes(key.Span);
            return hash.ToHashCode();
        }
    }
}
