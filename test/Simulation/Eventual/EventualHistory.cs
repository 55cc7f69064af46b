using System.Globalization;
using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Eventual;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Eventual;

/// <summary>
/// What the clients did and were told, and what of it must hold. Knows nothing of replicas: it judges by contexts, which say what a writer had seen.
/// </summary>
internal sealed class EventualHistory(World world, EventualProfile profile)
{
    private readonly Dictionary<string, VersionVector> _attempted = []; // all that somebody had seen who wrote
    private readonly List<Acknowledged> _acknowledged = [];
    private readonly List<(string Key, long By, bool IsKnown)> _increments = [];
    private readonly Dictionary<string, List<(Dot Dot, long Time)>> _shown = [];
    private readonly HashSet<string> _deleted = [];
    private readonly Dictionary<string, Dot> _dots = [];
    private readonly Dictionary<(string Key, Dot Dot), string> _values = [];

    /// <summary>Of sets, maps and registers.</summary>
    public FieldHistory Fields { get; } = new(world, profile);

    /// <param name="Key">The key.</param>
    /// <param name="Dot">The write.</param>
    /// <param name="Seen">What its writer had seen.</param>
    /// <param name="Time">When it was acknowledged.</param>
    /// <param name="AtQuorum">Whether a majority has it.</param>
    /// <param name="Deletes">Whether it is a tombstone, which may be forgotten: then what it superseded must not be there.</param>
    private sealed record Acknowledged(string Key, Dot Dot, VersionVector Seen, long Time, bool AtQuorum, bool Deletes);

    public int Writes => _acknowledged.Count;

    public int Reads { get; private set; }

    /// <summary>A write is about to be made; it may take the place of whatever its context has seen from now on, whatever its client is told.</summary>
    public void Attempt(string key, VersionVector seen, bool deletes)
    {
        _attempted[key] = _attempted.GetValueOrDefault(key, VersionVector.Empty).Join(seen);
        if (deletes)
            _deleted.Add(key);
    }

    public void Acknowledge(string key, EventualWriteResult result, VersionVector seen, bool atQuorum, bool deletes) =>
        _acknowledged.Add(new(key, result.Dot, seen, world.Now, atQuorum, deletes));

    public void Increment(string key, long by, bool isKnown) => _increments.Add((key, by, isKnown));

    /// <summary>A read by a majority that began at a time.</summary>
    public void Read(string key, DottedSet set, long began, bool atQuorum)
    {
        Reads++;
        if (profile.HasFields)
        {
            Fields.Read(key, set, began, atQuorum);
            return;
        }

        Note(key, set);
        if (profile.Sloppy || !atQuorum || profile.Policy == ConflictPolicy.Counter)
            return;
        foreach (var write in _acknowledged.Where(write => write.Key == key && write.AtQuorum && !write.Deletes && write.Time < began))
            CheckVisible(set, key, write.Dot, "was acknowledged by a majority");
        var shown = _shown.TryGetValue(key, out var before) ? before : _shown[key] = [];
        foreach (var (dot, time) in shown)
        {
            if (time < began)
                CheckVisible(set, key, dot, "was read from a majority");
        }

        foreach (var write in _acknowledged.Where(write => write.Key == key && write.AtQuorum && write.Time < began && profile.Policy == ConflictPolicy.Siblings))
            CheckGone(set, write);
        shown.AddRange(set.Siblings.Where(sibling => !sibling.IsTombstone).Select(sibling => (sibling.Dot, world.Now)));
        _shown[key] = [.. shown.DistinctBy(each => each.Dot)];
    }

    /// <summary>Everything has come to rest.</summary>
    /// <param name="key">The key.</param>
    /// <param name="set">What all replicas hold of it.</param>
    /// <param name="conflicts">All ended conflicts that any of them has recorded.</param>
    public void JudgeEnd(string key, DottedSet set, IReadOnlyList<ConflictRecord> conflicts)
    {
        if (profile.HasFields)
        {
            Fields.JudgeEnd(key, set, conflicts);
            return;
        }

        Note(key, set);
        if (profile.Policy == ConflictPolicy.Counter)
        {
            JudgeCounter(key, CrdtReading.Counter(set).Value);
            return;
        }

        foreach (var write in _acknowledged.Where(write => write.Key == key && (write.AtQuorum || !profile.LosesDisks)))
        {
            if (!write.Deletes)
                CheckVisible(set, key, write.Dot, "was acknowledged");
            if (profile.Policy == ConflictPolicy.Siblings)
                CheckGone(set, write);
        }
    }

    /// <summary>One put, one dot; one dot, one put.</summary>
    private void Note(string key, DottedSet set)
    {
        if (profile.Policy == ConflictPolicy.Counter)
            return;
        foreach (var sibling in set.Siblings.Where(sibling => !sibling.IsTombstone))
        {
            var value = Encoding.UTF8.GetString(StoredValue.Read(sibling.Stored).Value.Span);
            if (!_dots.TryAdd(value, sibling.Dot) && _dots[value] != sibling.Dot)
                world.Fail($"put {value} has two dots: {_dots[value]} and {sibling.Dot}");
            if (!_values.TryAdd((key, sibling.Dot), value) && _values[(key, sibling.Dot)] != value)
                world.Fail($"{key}: dot {sibling.Dot} names two puts: {_values[(key, sibling.Dot)]} and {value}");
        }
    }

    private void CheckVisible(DottedSet set, string key, Dot dot, string what)
    {
        if (set.Siblings.Any(sibling => sibling.Dot == dot) || _attempted.GetValueOrDefault(key, VersionVector.Empty).Covers(dot))
            return;

        // Who lost by timestamp has been seen by the winner's replica, not by its writer.
        if (profile.Policy == ConflictPolicy.LastWriterWins && set.Context.Covers(dot) && set.Siblings.Count > 0)
            return;
        if (profile.Policy == ConflictPolicy.LastWriterWins && _deleted.Contains(key))
            return; // perhaps to a tombstone that is forgotten
        world.Fail($"{key}: {dot} {what}, nobody who had seen it wrote, and it is not there: {set}");
    }

    private void CheckGone(DottedSet set, Acknowledged write)
    {
        foreach (var sibling in set.Siblings.Where(sibling => write.Seen.Covers(sibling.Dot)))
            world.Fail($"{write.Key}: {sibling.Dot} was superseded by {write.Dot}, and is back: {set}");
    }

    private void JudgeCounter(string key, Int128 value)
    {
        var certain = _increments.Where(increment => increment.Key == key && increment.IsKnown).Sum(increment => increment.By);
        HashSet<long> possible = [certain];
        foreach (var (_, by, _) in _increments.Where(increment => increment.Key == key && !increment.IsKnown))
            possible.UnionWith(possible.Select(sum => sum + by).ToList());
        if (!possible.Contains((long)value))
            world.Fail(string.Create(CultureInfo.InvariantCulture, $"{key} counts {value}; {certain} are certain, and no choice of the uncertain ones gives that"));
    }
}
