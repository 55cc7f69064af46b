using GrainDb.Engine.Changes;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Simulation.Clients;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Changes;

/// <summary>
/// Reads everything that changes in all ranges of the clients' keys, from the beginning, and notes what it is given. Now and then it begins again behind an earlier position, as one does
/// that was lost: what comes again has the same position, by which it is known.
/// </summary>
internal sealed class FeedReader
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(800);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(100);

    private readonly SimulatedCluster _cluster;
    private readonly SimulatedProcess _process;
    private readonly NetworkClock _clock;
    private readonly Random _random;
    private readonly Dictionary<FeedPosition, RangeChange> _given = [];

    public FeedReader(SimulatedCluster cluster, int number)
    {
        _cluster = cluster;
        var name = $"feed{number}";
        _random = cluster.World.NewRandom(name);
        _process = new SimulatedProcess(cluster.World, name, _random);
        _clock = new NetworkClock(_process);
        cluster.Network.Attach(_process);
        _process.Start(RunAsync);
    }

    /// <summary>Everything at or below it was given.</summary>
    public Timestamp CompleteUpTo { get; private set; }

    /// <summary>What was given, once each.</summary>
    public IReadOnlyCollection<RangeChange> Given => _given.Values;

    private async Task RunAsync()
    {
        var noted = default(FeedPosition);
        while (true)
        {
            var merger = new ChangeMerger(noted, _cluster.Ranges.Count);
            RangeChange? last = null;
            for (var rounds = 1 + _random.Next(60); rounds > 0; rounds--)
            {
                await Task.WhenAll(Enumerable.Range(0, _cluster.Ranges.Count).Select(source => AskAsync(merger, source)));
                foreach (var (position, change) in merger.Take(1 + _random.Next(40), ChangeLimits.MaxBytesPerAnswer))
                {
                    Note(position, change, last);
                    last = change;
                }

                CompleteUpTo = Timestamp.Later(CompleteUpTo, merger.Position.CompleteUpTo);
                if (_random.Next(3) == 0)
                    noted = merger.Position;
                await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(40)), _clock);
            }
        }
    }

    private async Task AskAsync(ChangeMerger merger, int source)
    {
        var range = _cluster.Ranges[source];
        var node = range.Director.Placed is { } placed && _random.Next(8) != 0 ? placed : _cluster.Nodes.ElementAt(_random.Next(_cluster.Nodes.Count));
        var request = new RangeChanges
        {
            After = merger.FrontierOf(source),
            Generation = range.Descriptor.Generation,
            MaxChanges = 1 + _random.Next(20),
            Wait = LongestWait * _random.NextDouble(),
            AtLeast = merger.Wanted > merger.FrontierOf(source) ? merger.Wanted : Timestamp.Max,
        };
        var answer = await _cluster.Network.CallAsync(
            _process,
            node.Name,
            _cluster.World.Trace.IsOn ? $"changes of {range.Descriptor.Id} after {request.After}" : "",
            async () => node.LeadersOf(range) is [.., var leader]
                ? await leader.ChangesAsync(request, CancellationToken.None)
                : RangeChangesResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "no leader here")),
            Patience,
            mayRepeat: false);
        if (answer is { Failure: null })
            merger.Add(source, answer);
    }

    private void Note(FeedPosition position, RangeChange change, RangeChange? last)
    {
        if (last is { } before && (change.Version, 0).CompareTo((before.Version, before.Key.Span.SequenceCompareTo(change.Key.Span))) <= 0)
            _cluster.World.Fail($"feed: {Describe(change)} comes behind {Describe(before)}");
        if (!_given.TryAdd(position, change) && _given[position] is var again && (again.Version != change.Version || !again.Key.Span.SequenceEqual(change.Key.Span)))
            _cluster.World.Fail($"feed: {position} was {Describe(again)}, and is {Describe(change)}");
    }

    private static string Describe(RangeChange change) => $"{System.Text.Encoding.UTF8.GetString(change.Key.Span)} at {change.Version}";
}
