using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
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
        var replies = await Task.WhenAll(nodes.Select(name => AskAsync(name, query, timeout, cancellationToken)).ToList());
        var open = replies.Where(reply => reply is { IsLast: false, Conflicts.Length: > 0 }).Select(reply => PositionOf(reply!.Conflicts[^1])).ToList();
        var found = Distinct(replies.SelectMany(reply => reply?.Conflicts ?? []))
            .TakeWhile(record => open.TrueForAll(end => PositionComparer.Instance.Compare(PositionOf(record), end) >= 0))
            .ToList();
        var isLast = found.Count <= limit && open.Count == 0;
        List<ConflictRecord> page = [.. found.Take(limit)];
        return new()
        {
            Conflicts = page,
            Next = isLast || page.Count == 0 ? null : PositionOf(page[^1]),
            Missing = [.. nodes.Where((_, index) => replies[index] is not { IsWhole: true })],
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

        List<ConflictRecord> sorted = [.. Distinct(all)];
        List<ConflictRecord> page = [];
        var bytes = 0L;
        foreach (var record in sorted)
        {
            bytes += record.Key.Length + record.Losers.Sum(loser => (long)loser.Value.Length + loser.Field.Length);
            if (page.Count > 0 && (page.Count == query.Limit || bytes > query.MaxBytes))
                break;
            page.Add(record);
        }

        return new([.. page], page.Count == sorted.Count, isWhole);
    }

    /// <summary>Has the replicas of a key forget the conflicts that a write ended.</summary>
    public async Task<ConflictDismissal> DismissAsync(EventualPartition partition, ReadOnlyMemory<byte> key, Dot winner, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var nodes = partition.Range.Nodes.ToList();
        var replies = await Task.WhenAll(nodes.Select(name => DismissAsync(partition.Range.Id, name, key, winner, timeout, cancellationToken)).ToList());
        return Array.TrueForAll(replies, reply => reply is null)
            ? ConflictDismissal.Failed(Failure.Unknown(ErrorCode.OutcomeUnknown, "no replica of the key answered in time"))
            : new() { Found = replies.Contains(true), Missing = [.. nodes.Where((_, index) => replies[index] is null)] };
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

    /// <summary>Newest first, records of one conflict as one: a write has one name, and one key.</summary>
    private static IEnumerable<ConflictRecord> Distinct(IEnumerable<ConflictRecord> records) => records
        .GroupBy(PositionOf)
        .OrderByDescending(same => same.Key, PositionComparer.Instance)
        .Select(same => same.First() with
        {
            Losers = [.. same.SelectMany(record => record.Losers).DistinctBy(loser => (loser.Dot, Convert.ToHexString(loser.Field.Span))).OrderBy(loser => loser.Dot)],
        });

    private sealed class PositionComparer : IComparer<ConflictPosition>
    {
        public static readonly PositionComparer Instance = new();

        public int Compare(ConflictPosition? left, ConflictPosition? right)
        {
            var byTime = left!.At.CompareTo(right!.At);
            return byTime != 0 ? byTime : left.Winner.CompareTo(right.Winner);
        }
    }
}
