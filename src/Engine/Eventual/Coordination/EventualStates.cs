using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// What a reader sees of the state of a key. A data type exists while any of its siblings does: a deletion beside an increment that it had not seen leaves that increment.
/// </summary>
public sealed class EventualStates : IEventualStates
{
    /// <inheritdoc/>
    public EventualContent Read(ConflictPolicy policy, ReadOnlyMemory<byte> state, Timestamp now)
    {
        if (state.IsEmpty)
            return EventualContent.Nothing;
        var set = DottedSetCodec.Decode(state);
        var exists = set.Siblings.Any(sibling => sibling.IsVisibleAt(now));
        var content = new EventualContent { Exists = exists, Version = set.NewestTimestamp };
        if (!exists)
            return content;
        return policy switch
        {
            ConflictPolicy.Siblings or ConflictPolicy.LastWriterWins => content with { Values = [.. set.Siblings.Where(sibling => sibling.IsVisibleAt(now)).Select(ValueOf)] },
            ConflictPolicy.Counter => content with { Sum = CrdtReading.Counter(set).Value },
            _ => content with { Fields = FieldsOf(CrdtReading.Map(set)) },
        };
    }

    /// <inheritdoc/>
    public string? ProblemOf(ReadOnlyMemory<byte> context, ReadOnlyMemory<byte> key) => CausalContext.TryDecode(context, key.Span, out _, out var problem) ? null : problem;

    private static EventualValue ValueOf(Sibling sibling)
    {
        var (contentType, value) = StoredValue.Read(sibling.Stored);
        return new(sibling.Dot, sibling.Timestamp, contentType, value);
    }

    private static CrdtField[] FieldsOf(DotMapState map) => [.. map.Names.Select(name => new CrdtField(name, map.WinnerOf(name)!.Value.Value))];
}
