using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// One comparison of the own replica with another one: roots, then level by level the nodes under those that differ, then the keys of the leaves that differ, then the states of the keys
/// that differ, in both directions. What is equal is never sent.
/// <para>
/// What holds when it is complete: each of the two has everything that the other had when it was opened. Every hash of the other one is compared with an own hash that was taken later; where they are equal, the
/// states under them were. Writes that come meanwhile may be seen as differences, which costs their states and nothing else.
/// </para>
/// </summary>
internal sealed class Exchange
{
    private const int HashBytes = sizeof(ulong);

    private readonly EventualReplica _replica;
    private readonly ReplicaDescriptor _partner;
    private readonly IEventualTransport _transport;
    private readonly EventualOptions _options;
    private readonly Throttle _throttle;
    private readonly long _configuration;
    private readonly CancellationToken _cancellationToken;
    private ExchangeReport _report = ExchangeReport.None;

    public Exchange(
        EventualReplica replica,
        ReplicaDescriptor partner,
        IEventualTransport transport,
        EventualOptions options,
        TimeProvider time,
        PartitionConfiguration configuration,
        CancellationToken cancellationToken)
    {
        _replica = replica;
        _partner = partner;
        _transport = transport;
        _options = options;
        _throttle = new(options.BytesPerSecond, time);
        _configuration = configuration.Version;
        _cancellationToken = cancellationToken;
    }

    /// <summary>Carries it out. An answer that does not come, or a refusal, ends it.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<ExchangeReport> RunAsync()
    {
        try
        {
            var request = new ExchangeRequest(_partner.Id, _configuration, _replica.Standing.Epoch);
            var theirs = Answered(await _transport.OpenExchangeAsync(_replica.Partition, _partner, request), answer => answer.Outcome);
            var ours = Answered(await _replica.OpenExchangeAsync(new(_replica.Id, _configuration, theirs.Epoch)), answer => answer.Outcome);
            if (theirs.Root != ours.Root)
            {
                foreach (var leaf in await FindLeavesAsync())
                    await CompareLeafAsync(leaf);
            }

            return _report;
        }
        catch (StoppedException stopped)
        {
            return _report with { IsComplete = false, Problem = stopped.Message };
        }
    }

    private async Task<List<int>> FindLeavesAsync()
    {
        List<int> differing = [0];
        for (var level = 0; level < MerkleTree.Levels - 1; level++)
        {
            List<int> next = [];
            foreach (var nodes in differing.Chunk(_options.MaxTreeNodes))
            {
                var request = new TreeRequest(_partner.Id, _configuration, level, nodes);
                var theirs = Answered(await _transport.GetTreeAsync(_replica.Partition, _partner, request), answer => answer.Outcome).Hashes;
                var ours = Answered(_replica.GetTree(request with { Replica = _replica.Id }), answer => answer.Outcome).Hashes;
                if (theirs.Length != ours.Length)
                    throw new StoppedException("the partner's tree has another shape");
                next.AddRange(Enumerable.Range(0, ours.Length).Where(index => theirs[index] != ours[index]).Select(index => (nodes[index / MerkleTree.Fan] * MerkleTree.Fan) + (index % MerkleTree.Fan)));
                await CountTreeAsync(HashBytes * (long)theirs.Length);
            }

            differing = next;
        }

        return differing;
    }

    private async Task CompareLeafAsync(int leaf)
    {
        ReadOnlyMemory<byte>? after = null;
        for (var last = false; !last;)
        {
            var request = new LeafRequest(_partner.Id, _configuration, leaf, after, _options.MaxLeafBytes);
            var theirs = Answered(await _transport.GetLeafAsync(_replica.Partition, _partner, request), answer => answer.Outcome);
            last = theirs.IsLast || theirs.Keys.Length == 0;
            await CountTreeAsync(theirs.Keys.Sum(entry => (long)entry.Key.Length + HashBytes));
            ReadOnlyMemory<byte>? end = last ? default(ReadOnlyMemory<byte>?) : theirs.Keys[^1].Key; // a bare null would become the empty key
            await ReconcileAsync(theirs.Keys, OwnKeys(leaf, after, end));
            after = end;
        }
    }

    /// <summary>The own keys of a leaf that a page of the partner's covers.</summary>
    private Dictionary<ReadOnlyMemory<byte>, ulong> OwnKeys(int leaf, ReadOnlyMemory<byte>? after, ReadOnlyMemory<byte>? end)
    {
        var own = _replica.GetLeaf(new(_replica.Id, _configuration, leaf, after, int.MaxValue)).Keys;
        return own.Where(entry => end is not { } bound || entry.Key.Span.SequenceCompareTo(bound.Span) <= 0).ToDictionary(entry => entry.Key, entry => entry.Hash, RoutingKeyComparer.Instance);
    }

    private async Task ReconcileAsync(LeafEntry[] theirs, Dictionary<ReadOnlyMemory<byte>, ulong> ours)
    {
        List<ReadOnlyMemory<byte>> fetch = [.. theirs.Where(entry => !ours.TryGetValue(entry.Key, out var hash) || hash != entry.Hash).Select(entry => entry.Key)];
        var known = theirs.Select(entry => entry.Key).ToHashSet(RoutingKeyComparer.Instance);
        List<ReadOnlyMemory<byte>> send = [.. ours.Keys.Where(key => !known.Contains(key))];
        _report = _report with { Differing = _report.Differing + fetch.Count + send.Count };
        send.AddRange(await FetchAsync(fetch));
        if (!_options.Has(EventualFaults.RepairOneWay))
            await SendAsync(send);
    }

    /// <returns>Those of the keys of which the partner lacks something.</returns>
    private async Task<List<ReadOnlyMemory<byte>>> FetchAsync(List<ReadOnlyMemory<byte>> keys)
    {
        List<ReadOnlyMemory<byte>> behind = [];
        for (var done = 0; done < keys.Count;)
        {
            var answer = Answered(
                await _transport.GetStatesAsync(_replica.Partition, _partner, new(_partner.Id, _configuration, [.. keys[done..]], _options.MaxBatchBytes)), answer => answer.Outcome);
            if (answer.Items.Length == 0)
                throw new StoppedException("the partner sent nothing");
            done += answer.Items.Length;
            KeyState[] there = [.. answer.Items.Where(item => !item.State.IsEmpty)];
            Taken(await _replica.MergeAsync(new(_replica.Id, _configuration, answer.Epoch, there)));
            behind.AddRange(answer.Items.Where(item => IsBehind(item)).Select(item => item.Key));
            await CountStatesAsync(there, fetched: there.Length, sent: 0);
        }

        return behind;
    }

    private bool IsBehind(KeyState theirs)
    {
        var ours = _replica.Read(new(_replica.Id, _configuration, theirs.Key)).State;
        return !ours.IsEmpty && (theirs.State.IsEmpty || !DottedSetCodec.Decode(theirs.State).Covers(DottedSetCodec.Decode(ours)));
    }

    private async Task SendAsync(List<ReadOnlyMemory<byte>> keys)
    {
        for (var done = 0; done < keys.Count;)
        {
            var own = Answered(_replica.GetStates(new(_replica.Id, _configuration, [.. keys[done..]], _options.MaxBatchBytes)), answer => answer.Outcome);
            done += own.Items.Length;
            KeyState[] there = [.. own.Items.Where(item => !item.State.IsEmpty)];
            if (there.Length == 0)
                continue;
            Taken(await _transport.MergeAsync(_replica.Partition, _partner, new(_partner.Id, _configuration, own.Epoch, there)));
            await CountStatesAsync(there, fetched: 0, sent: there.Length);
        }
    }

    private async Task CountTreeAsync(long bytes)
    {
        _report = _report with { TreeBytes = _report.TreeBytes + bytes };
        await _throttle.PassAsync(bytes, _cancellationToken);
    }

    private async Task CountStatesAsync(KeyState[] states, int fetched, int sent)
    {
        var bytes = states.Sum(state => (long)state.Key.Length + state.State.Length);
        _report = _report with { Fetched = _report.Fetched + fetched, Sent = _report.Sent + sent, StateBytes = _report.StateBytes + bytes };
        await _throttle.PassAsync(bytes, _cancellationToken);
    }

    private T Answered<T>(T? answer, Func<T, EventualOutcome> outcome)
        where T : class
    {
        _cancellationToken.ThrowIfCancellationRequested();
        if (answer is null)
            throw new StoppedException("no answer came");
        return outcome(answer) == EventualOutcome.Done ? answer : throw new StoppedException($"refused: {outcome(answer)}");
    }

    private void Taken(MergeAnswer? answer) => Answered(answer, taken => taken.Outcome);

    /// <summary>The exchange cannot go on now.</summary>
    private sealed class StoppedException(string reason) : Exception(reason);
}
