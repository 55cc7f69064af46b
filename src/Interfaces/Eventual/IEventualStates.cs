using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Eventual;

/// <summary>Takes apart what the results of <see cref="IEventualStore"/> carry encoded: once, on the node that answers the client.</summary>
public interface IEventualStates
{
    /// <summary>What a reader sees of a state.</summary>
    /// <param name="policy">The keyspace's.</param>
    /// <param name="state">As a result carries it; empty for a key that is not there.</param>
    /// <param name="now">What has expired by then is not seen.</param>
    /// <exception cref="InvalidDataException">The bytes are no state of such a key.</exception>
    EventualContent Read(ConflictPolicy policy, ReadOnlyMemory<byte> state, Timestamp now);

    /// <summary>What is wrong with a context that a client gave; null when a write of the key may carry it.</summary>
    string? ProblemOf(ReadOnlyMemory<byte> context, ReadOnlyMemory<byte> key);
}
