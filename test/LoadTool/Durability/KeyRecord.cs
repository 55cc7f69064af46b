namespace GrainDb.LoadTool.Durability;

/// <summary>
/// All writes of one key, which one client wrote one after another, and what may be read from it now. Versions are 16 hex
/// digits, so their order as text is their order in time.
/// </summary>
internal sealed class KeyRecord(string key)
{
    private readonly Dictionary<long, (WriteOutcome Outcome, string? Version)> _writes = [];
    private (long Sequence, string Version)? _newest;
    private Violation? _outOfOrder;

    /// <summary>The key.</summary>
    public string Key => key;

    /// <summary>The acknowledged writes.</summary>
    public IEnumerable<(long Sequence, string Version)> Acknowledged =>
        _writes.Where(write => write.Value.Outcome == WriteOutcome.Acknowledged).Select(write => (write.Key, write.Value.Version!));

    /// <summary>Takes the next event of this key.</summary>
    public void Add(HistoryEvent next)
    {
        var sequence = next.Sequence!.Value;
        switch (next.Type)
        {
            case HistoryEvent.Acknowledged:
                _writes[sequence] = (WriteOutcome.Acknowledged, next.Version);
                if (_newest is { } newest && string.CompareOrdinal(next.Version, newest.Version) <= 0)
                    _outOfOrder ??= new(ViolationKind.OutOfOrder, key, $"write {sequence} got {next.Version}, after write {newest.Sequence} had got {newest.Version}");
                else
                    _newest = (sequence, next.Version!);
                break;
            case HistoryEvent.Refused:
                _writes[sequence] = (WriteOutcome.Refused, null);
                break;
            default:
                _writes[sequence] = (WriteOutcome.Unknown, null);
                break;
        }
    }

    /// <summary>Judges what a read of the newest version found.</summary>
    /// <param name="version">The version; null when the key was not found.</param>
    /// <param name="value">The value.</param>
    public Violation? Judge(string? version, ReadOnlySpan<byte> value)
    {
        if (_outOfOrder is not null)
            return _outOfOrder;
        if (version is null)
            return _newest is { } lost ? Say(ViolationKind.Lost, $"not found; write {lost.Sequence} was acknowledged as {lost.Version}") : null;
        if (RecordedValue.SequenceOf(key, value) is not { } sequence || !_writes.TryGetValue(sequence, out var write))
            return Say(ViolationKind.Half, $"version {version} holds {value.Length} bytes that nobody wrote like this");
        return write.Outcome switch
        {
            WriteOutcome.Refused => Say(ViolationKind.RefusedButApplied, $"write {sequence} was refused and is there as {version}"),
            WriteOutcome.Acknowledged when write.Version != version =>
                Say(ViolationKind.WrongVersion, $"write {sequence} was acknowledged as {write.Version} and is there as {version}"),

            // A write of unknown outcome may also have been applied late, over a newer one; only its version tells.
            _ when _newest is { } newest && string.CompareOrdinal(version, newest.Version) < 0 =>
                Say(ViolationKind.Lost, $"write {sequence} ({version}) shows; write {newest.Sequence} was acknowledged as {newest.Version}"),
            _ => null,
        };
    }

    /// <summary>Judges what a read as of an acknowledged version found.</summary>
    public Violation? JudgeAsOf(long sequence, string acknowledged, string? version, ReadOnlySpan<byte> value)
    {
        if (version is null)
            return Say(ViolationKind.Lost, $"write {sequence} is not found as of {acknowledged}, its version");
        if (RecordedValue.SequenceOf(key, value) is not { } found)
            return Say(ViolationKind.Half, $"as of {acknowledged} there are {value.Length} bytes that nobody wrote like this");
        return version != acknowledged || found != sequence
            ? Say(ViolationKind.WrongVersion, $"as of {acknowledged}, the version of write {sequence}, write {found} shows as {version}")
            : null;
    }

    private Violation Say(ViolationKind kind, string detail) => new(kind, key, detail);
}
