namespace GrainDb.Grains.Meta;

/// <summary>What a conditional change of the meta range came to.</summary>
/// <param name="IsDone">It is written. False with no repeated answer: somebody else changed the meta range first; refresh and decide again.</param>
/// <param name="Repeated">The same request took effect before, with this answer, and nothing was written now; null when it did not.</param>
internal readonly record struct MetaChangeResult(bool IsDone, ReadOnlyMemory<byte>? Repeated);
