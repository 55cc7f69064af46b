using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Keyspaces;

/// <summary>The keyspace that a request names, whose family decides how the rest of it is read.</summary>
internal static class KeyspaceFinder
{
    /// <exception cref="GrainDbException">There is none, or it cannot be found out.</exception>
    public static async ValueTask<KeyspaceDescriptor> RequireAsync(this IKeyspaceDirectory directory, string name, TimeSpan timeout, CancellationToken cancellationToken) =>
        await directory.FindAsync(name, timeout, cancellationToken) ?? throw BadInput.Of(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{name}'.");

    /// <summary>Its policy as the API spells it.</summary>
    public static string NameOf(Interfaces.Eventual.ConflictPolicy policy) => policy switch
    {
        Interfaces.Eventual.ConflictPolicy.Siblings => "siblings",
        Interfaces.Eventual.ConflictPolicy.LastWriterWins => "lww",
        Interfaces.Eventual.ConflictPolicy.Counter => "crdt:counter",
        Interfaces.Eventual.ConflictPolicy.ObservedRemoveSet => "crdt:orset",
        Interfaces.Eventual.ConflictPolicy.LastWriterWinsMap => "crdt:lwwmap",
        Interfaces.Eventual.ConflictPolicy.Register => "crdt:register",
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "Not a policy."),
    };
}
