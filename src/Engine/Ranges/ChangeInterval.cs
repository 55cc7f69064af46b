using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Ranges;

/// <summary>The keys of a range that somebody watches.</summary>
internal sealed class ChangeInterval
{
    private readonly RangeChanges _request;
    private readonly ChangeSelection.KeyFilter? _filter;

    public ChangeInterval(RangeChanges request, RangeDescriptor descriptor, KeyspacePartitioning partitioning)
    {
        _request = request;
        Start = request.Start.AsSpan().SequenceCompareTo(descriptor.Start) < 0 ? descriptor.Start : request.Start;
        End = request.End;
        if (descriptor.End is { } bound && (End is null || End.AsSpan().SequenceCompareTo(bound) > 0))
            End = bound;
        if (request.Filter is { } filter)
            _filter = key => Passes(RoutingKey.ToUserKey(partitioning, key), filter);
    }

    /// <summary>Inclusive.</summary>
    public byte[] Start { get; }

    /// <summary>Exclusive; null for none.</summary>
    public byte[]? End { get; }

    public ChangeSelection Select(Timestamp after, Timestamp upTo) => new(after, upTo, _request.MaxChanges, _request.MaxBytes, _filter);

    /// <summary>Whether something of an interval of time may be in it.</summary>
    public bool MayHave(MvccStore store, Timestamp after, Timestamp upTo) => store.MayHaveRecentChange(Start, End, End is not null, after, upTo, _filter);

    /// <summary>What the store remembers of it.</summary>
    /// <returns>False: that is not all.</returns>
    public bool TryRemembered(MvccStore store, ChangeSelection into) => store.TryRecentChanges(Start, End, End is not null, into);

    private static bool Passes(ReadOnlySpan<byte> key, KeyInterval filter) =>
        key.SequenceCompareTo(filter.Start.Span) >= 0 && (filter.End is not { } end || key.SequenceCompareTo(end.Span) < 0);
}
