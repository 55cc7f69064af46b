using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Eventual;

/// <summary>
/// What the clients did to sets, maps and registers, and what of it must hold: a name that was written is there, with that value or a later one, unless an operation that may have seen the write took it away; what was taken
/// away stays away; and a write that lost to a concurrent one is listed. It judges by what operations had seen, and knows nothing of replicas.
/// </summary>
internal sealed class FieldHistory(World world, EventualProfile profile)
{
    private readonly List<FieldOperation> _operations = [];
    private readonly Dictionary<(string Key, string Name), List<Shown>> _shown = [];
    private readonly Dictionary<Dot, (string Key, string Value)> _values = [];

    private bool HasValues => profile.Policy != ConflictPolicy.ObservedRemoveSet;

    /// <summary>An operation is about to be made; it may have effect from now on, whatever its client is told.</summary>
    public void Attempt(FieldOperation operation) => _operations.Add(operation);

    /// <summary>It certainly had none.</summary>
    public void Refuse(FieldOperation operation) => _operations.Remove(operation);

    public void Acknowledge(FieldOperation operation, EventualWriteResult result, VersionVector coordinatorSaw, bool atQuorum)
    {
        operation.IsAcknowledged = true;
        operation.Seen ??= coordinatorSaw;
        (operation.Dot, operation.Timestamp, operation.Time, operation.AtQuorum) = (result.Dot, result.Version, world.Now, atQuorum);
    }

    /// <summary>A read that began at a time.</summary>
    public void Read(string key, DottedSet set, long began, bool atQuorum)
    {
        var map = CrdtReading.Map(set);
        Note(key, map);
        if (profile.Sloppy || !atQuorum)
            return;
        foreach (var operation in _operations.Where(operation => operation is { IsAcknowledged: true, AtQuorum: true } && operation.Key == key && operation.Time < began))
            Check(map, operation);
        foreach (var name in map.Names.Select(Text))
        {
            if (!_shown.TryGetValue((key, name), out var before))
                _shown.Add((key, name), before = []);
            foreach (var shown in before.Where(shown => shown.Time < began))
                CheckVisible(map, key, name, shown.Dot, shown.Timestamp, "was read from a majority");
            var winner = map.WinnerOf(Bytes(name))!.Value;
            if (!before.Exists(shown => shown.Dot == winner.Dot))
                before.Add(new(winner.Dot, winner.Timestamp, world.Now));
        }
    }

    /// <summary>Everything has come to rest.</summary>
    /// <param name="key">The key.</param>
    /// <param name="set">What all replicas hold of it.</param>
    /// <param name="conflicts">All ended conflicts that any of them has recorded.</param>
    public void JudgeEnd(string key, DottedSet set, IReadOnlyList<ConflictRecord> conflicts)
    {
        var map = CrdtReading.Map(set);
        Note(key, map);
        foreach (var operation in _operations.Where(operation => operation.IsAcknowledged && operation.Key == key && (operation.AtQuorum || !profile.LosesDisks)))
        {
            Check(map, operation);
            if (HasValues && !operation.Removes)
                CheckListed(map, operation, conflicts);
        }
    }

    private static ReadOnlyMemory<byte> Bytes(string name) => Encoding.UTF8.GetBytes(name);

    private static string Text(ReadOnlyMemory<byte> name) => Encoding.UTF8.GetString(name.Span);

    private void Check(DotMapState map, FieldOperation operation)
    {
        foreach (var name in operation.Names ?? [.. map.Names.Select(Text)])
        {
            if (!operation.Removes)
                CheckVisible(map, operation.Key, name, operation.Dot, operation.Timestamp, "was acknowledged");
            foreach (var write in map.WritesOf(Bytes(name)).Where(write => write.Dot != operation.Dot && operation.Seen!.Covers(write.Dot)))
                world.Fail($"{operation.Key}: {write.Dot} of '{name}' was taken away by {operation.Dot}, and is back");
        }
    }

    private void CheckVisible(DotMapState map, string key, string name, Dot dot, Timestamp timestamp, string what)
    {
        var winner = map.WinnerOf(Bytes(name));
        if (winner is { } there && (!HasValues || (there.Timestamp, there.Dot).CompareTo((timestamp, dot)) >= 0))
            return;
        if (_operations.Exists(operation => operation.Removes && operation.Touches(key, name) && operation.MayEnd(dot)))
            return;
        world.Fail($"{key}: {dot} of '{name}' {what}, nobody who may have seen it removed it, and there is {(winner is { } other ? $"an earlier one, {other.Dot}" : "nothing")}");
    }

    /// <summary>A write that neither stands nor was seen by a later one lost to a concurrent one.</summary>
    private void CheckListed(DotMapState map, FieldOperation write, IReadOnlyList<ConflictRecord> conflicts)
    {
        foreach (var name in write.Names!)
        {
            if (map.WinnerOf(Bytes(name))?.Dot == write.Dot || _operations.Exists(other => other != write && other.Touches(write.Key, name) && other.MayEnd(write.Dot)))
                continue;
            if (!conflicts.Any(conflict => Text(conflict.Key) == write.Key && conflict.Losers.Any(loser => loser.Dot == write.Dot && Text(loser.Field) == name)))
                world.Fail($"{write.Key}: {write.Dot} of '{name}' lost to one that had not seen it, and is not listed");
        }
    }

    /// <summary>One write, one dot, and nothing that nobody wrote.</summary>
    private void Note(string key, DotMapState map)
    {
        foreach (var write in map.Names.SelectMany(map.WritesOf))
        {
            var value = (key, Encoding.UTF8.GetString(write.Value.Span));
            if (!_values.TryAdd(write.Dot, value) && _values[write.Dot] != value)
                world.Fail($"{key}: dot {write.Dot} names two writes: {_values[write.Dot]} and {value}");
        }
    }

    private readonly record struct Shown(Dot Dot, Timestamp Timestamp, long Time);
}
