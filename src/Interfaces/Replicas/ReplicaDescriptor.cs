namespace GrainDb.Interfaces.Replicas;

/// <summary>
/// One replica of a range: a node, and an id that no other replica ever had. A replica that was removed, or lost with its
/// disk, never comes back under its id, so whatever it promised or acknowledged is never taken for a successor's word.
/// </summary>
/// <param name="Node">The node's stable name.</param>
/// <param name="Id">Drawn when the replica is planned; also the incarnation in the headers of its files.</param>
[GenerateSerializer, Immutable, Alias("graindb.replica")]
public sealed record ReplicaDescriptor([property: Id(0)] string Node, [property: Id(1)] Guid Id)
{
    /// <summary>Node and the id's beginning.</summary>
    public override string ToString() => $"{Node}/{Id.ToString("N")[..8]}";
}

/// <summary>
/// Who votes on a range's log. In force from the moment in which its record is appended, and rolled back when that record is truncated.
/// </summary>
/// <param name="Voters">The voters; in a joint configuration the incoming ones.</param>
/// <param name="Outgoing">
/// The voters before, while the configuration is joint: promises and commits then need a majority of each. Empty otherwise.
/// </param>
[GenerateSerializer, Immutable, Alias("graindb.range-configuration")]
public sealed record RangeConfiguration([property: Id(0)] ReplicaDescriptor[] Voters, [property: Id(1)] ReplicaDescriptor[] Outgoing)
{
    /// <summary>Of a replica that does not know its range's configuration yet: it follows, and can never stand.</summary>
    public static readonly RangeConfiguration Unknown = new([], []);

    /// <summary>Whether two majorities are needed.</summary>
    public bool IsJoint => Outgoing.Length > 0;

    /// <summary>Everybody whose promise or acknowledgement counts, once each.</summary>
    public IEnumerable<ReplicaDescriptor> Members => Voters.Union(Outgoing);

    /// <summary>Whether the replica votes.</summary>
    public bool Contains(Guid replica) => Voters.Any(voter => voter.Id == replica) || Outgoing.Any(voter => voter.Id == replica);

    /// <inheritdoc/>
    public bool Equals(RangeConfiguration? other) =>
        other is not null && Voters.AsSpan().SequenceEqual(other.Voters) && Outgoing.AsSpan().SequenceEqual(other.Outgoing);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Voters.Length, Outgoing.Length, Voters.FirstOrDefault());

    /// <summary>The replicas.</summary>
    public override string ToString() =>
        IsJoint ? $"[{string.Join<ReplicaDescriptor>(", ", Outgoing)}] → [{string.Join<ReplicaDescriptor>(", ", Voters)}]" : $"[{string.Join<ReplicaDescriptor>(", ", Voters)}]";

}

/// <summary>Who stands for leadership: an activation, not a node.</summary>
/// <param name="Node">The node's stable name.</param>
/// <param name="Nonce">Drawn anew by every activation, so that no restarted or second one is taken for the first.</param>
[GenerateSerializer, Immutable, Alias("graindb.candidate")]
public sealed record Candidate([property: Id(0)] string Node, [property: Id(1)] Guid Nonce)
{
    /// <summary>Nobody.</summary>
    public static readonly Candidate None = new("", Guid.Empty);
}
