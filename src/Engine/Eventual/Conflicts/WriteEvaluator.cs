using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>What a write makes of the state of its key at the replica that coordinates it: a function of both, so that it is decided once and only states travel.</summary>
internal static class WriteEvaluator
{
    /// <summary>Carries a write out.</summary>
    /// <param name="policy">The keyspace's.</param>
    /// <param name="current">The key's state here.</param>
    /// <param name="write">What to do.</param>
    /// <param name="dot">The name that the write gets; above every one of its actor.</param>
    /// <param name="now">This replica's clock.</param>
    /// <param name="faults">Deliberate errors.</param>
    /// <param name="result">The new state, when the result is null.</param>
    /// <returns>Why the write is refused; null when it is not.</returns>
    public static Failure? Evaluate(ConflictPolicy policy, DottedSet current, EventualWrite write, Dot dot, Timestamp now, EventualFaults faults, out EvaluatedWrite result)
    {
        result = default;
        if (!CausalContext.TryDecode(write.Context, write.Key.Span, out var context, out var problem))
            return Refuse(ErrorCode.InvalidRequest, problem);
        if (context.Seen[dot.Actor] >= dot.Counter)
            return Refuse(ErrorCode.InvalidRequest, "the context names writes that this replica never made");
        if (context.Newest > now.Add(EventualLimits.MaxContextAhead))
            return Refuse(ErrorCode.InvalidRequest, "the context is from the future");
        var newest = Timestamp.Later(current.NewestTimestamp, context.Newest);
        if (newest == Timestamp.Max)
            return Refuse(ErrorCode.Internal, "no timestamp is left above that of the key");
        var at = new Stamp(dot, faults.HasFlag(EventualFaults.StampByClock) ? now : Timestamp.Later(now, newest.Next));
        if (RefuseKind(policy, write) is { } refusal)
            return refusal;
        return CrdtReading.IsCrdt(policy)
            ? EvaluateType(policy, current, write, context, at, faults, out result)
            : EvaluateValue(policy, current, write, context, at, now, out result);
    }

    private static Failure? RefuseKind(ConflictPolicy policy, EventualWrite write)
    {
        if (write.Kind == EventualWriteKind.Operate)
        {
            var fits = (policy, write.Operation?.Action) switch
            {
                (ConflictPolicy.Counter, CrdtAction.Increment) => true,
                (ConflictPolicy.ObservedRemoveSet, CrdtAction.Add or CrdtAction.Remove) => true,
                (ConflictPolicy.LastWriterWinsMap, CrdtAction.Set or CrdtAction.Remove) => true,
                (ConflictPolicy.Register, CrdtAction.Set) => write.Operation!.Fields is [{ Name.IsEmpty: true }],
                _ => false,
            };
            return !fits ? Refuse(ErrorCode.UnsupportedForFamily, $"keys of this keyspace ({policy}) do not take {write.Operation?.Action}")
                : write.Operation!.Action != CrdtAction.Increment && write.Operation.Fields.Count == 0 ? Refuse(ErrorCode.InvalidRequest, "the operation names nothing")
                : null;
        }

        return write.Kind == EventualWriteKind.Put && CrdtReading.IsCrdt(policy)
            ? Refuse(ErrorCode.UnsupportedForFamily, $"keys of this keyspace ({policy}) hold a data type: they take operations, not values")
            : null;
    }

    private static Failure? EvaluateValue(ConflictPolicy policy, DottedSet current, EventualWrite write, CausalContext context, Stamp at, Timestamp now, out EvaluatedWrite result)
    {
        var delete = write.Kind == EventualWriteKind.Delete;
        var seen = policy == ConflictPolicy.LastWriterWins || (delete && write.Context.IsEmpty) ? context.Seen.Join(current.Context) : context.Seen;
        var expires = write.TimeToLive is { } lifetime && !delete ? at.Timestamp.Add(lifetime) : Timestamp.Zero;
        var sibling = new Sibling(at.Dot, at.Timestamp, delete, expires, delete ? default : StoredBytes(write));
        var set = current.Write(seen, sibling);
        List<Sibling> superseded = [.. current.Siblings.Where(present => !set.Siblings.Contains(present))];
        if (set.Siblings.Count > EventualLimits.MaxSiblings || set.StoredBytes > EventualLimits.MaxSiblingBytes)
            set = set.Keep(present => !present.IsExpiredAt(now)); // nobody reads them any more; they must not keep others out
        result = new(set, sibling, superseded.Count > 1 ? [ConflictRules.Record(write.Key, ConflictResolution.Writer, at.Dot, superseded, at.Timestamp)] : []);
        return RefuseSize(write, sibling, set);
    }

    private static Failure? EvaluateType(ConflictPolicy policy, DottedSet current, EventualWrite write, CausalContext context, Stamp at, EventualFaults faults, out EvaluatedWrite result)
    {
        result = default;
        var deletes = write.Kind == EventualWriteKind.Delete;
        byte[] state;
        if (policy == ConflictPolicy.Counter)
        {
            try
            {
                state = Count(current, write, at);
            }
            catch (OverflowException)
            {
                return Refuse(ErrorCode.InvalidRequest, "the counter would leave 64 bits");
            }
        }
        else
        {
            var map = Change(current, write, context, at, faults);
            deletes &= map.Count == 0; // it has not seen what is left
            state = map.Encode();
        }

        var sibling = new Sibling(at.Dot, at.Timestamp, deletes, Timestamp.Zero, state);
        result = new(current.Write(current.Context, sibling), sibling, []);
        return RefuseSize(write, sibling, result.Set);
    }

    private static byte[] Count(DottedSet current, EventualWrite write, Stamp at)
    {
        var counter = CrdtReading.Counter(current);
        return (write.Kind == EventualWriteKind.Delete ? counter.Reset() : counter.Increment(at.Dot, write.Operation!.By)).Encode();
    }

    private static DotMapState Change(DottedSet current, EventualWrite write, CausalContext context, Stamp at, EventualFaults faults)
    {
        var map = CrdtReading.Map(current);
        var seen = write.Context.IsEmpty || faults.HasFlag(EventualFaults.RemoveUnseen) ? null : context.Seen;
        var changed = write switch
        {
            { Kind: EventualWriteKind.Delete } => map.Clear(at.Dot, seen),
            { Operation: { Action: CrdtAction.Remove } removal } => map.Remove(at.Dot, removal.Fields, seen),
            _ => map.Set(new FieldWrite(at.Dot, at.Timestamp, default), write.Operation!.Fields),
        };
        return faults.HasFlag(EventualFaults.ForgetRemoved) ? changed.WithoutMemory(at.Dot) : changed;
    }

    private static Failure? RefuseSize(EventualWrite write, Sibling sibling, DottedSet set)
    {
        if (set.Context.Count > EventualLimits.MaxActors)
            return Refuse(ErrorCode.TooManySiblings, $"the key was written by more than {EventualLimits.MaxActors} replicas");
        if (write.Kind == EventualWriteKind.Delete)
            return null; // what takes values away is never refused for their sake
        if ((write.Kind == EventualWriteKind.Put ? write.Value.Length : sibling.Stored.Length) > EventualLimits.MaxValueBytes)
            return Refuse(ErrorCode.ValueTooLarge, $"a value has at most {EventualLimits.MaxValueBytes} bytes, what a data type holds included");
        if (set.Siblings.Count > EventualLimits.MaxSiblings)
            return Refuse(ErrorCode.TooManySiblings, $"the key has {EventualLimits.MaxSiblings} concurrent values; read it and write with the context of that read");
        return set.StoredBytes > EventualLimits.MaxSiblingBytes && set.Siblings.Count > 1
            ? Refuse(ErrorCode.TooManySiblings, $"concurrent values of a key have at most {EventualLimits.MaxSiblingBytes} bytes; read it and write with the context of that read")
            : null;
    }

    private static byte[] StoredBytes(EventualWrite write)
    {
        var header = StoredValue.HeaderLength(write.ContentType);
        var stored = new byte[header + write.Value.Length];
        StoredValue.WriteHeader(write.ContentType, stored);
        write.Value.CopyTo(stored.AsMemory(header));
        return stored;
    }

    private static Failure Refuse(ErrorCode code, string detail) => Failure.NotApplied(code, detail);

    private readonly record struct Stamp(Dot Dot, Timestamp Timestamp);
}

/// <summary>What a write made.</summary>
/// <param name="Set">The key's state.</param>
/// <param name="Written">The new value in it.</param>
/// <param name="Conflicts">Conflicts that it ended.</param>
internal readonly record struct EvaluatedWrite(DottedSet Set, Sibling Written, IReadOnlyList<ConflictRecord> Conflicts);
