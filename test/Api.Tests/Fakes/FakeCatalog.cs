using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>Keyspaces in memory.</summary>
internal sealed class FakeCatalog : IKeyspaceCatalog
{
    private readonly SortedDictionary<string, KeyspaceDescriptor> _keyspaces = new(StringComparer.Ordinal)
    {
        ["default"] = new KeyspaceDescriptor { Name = "default" },
        ["system.meta"] = new KeyspaceDescriptor { Name = "system.meta" },
    };

    private readonly Dictionary<string, (UInt128 Hash, KeyspaceChange Change)> _stamps = new(StringComparer.Ordinal);

    public int Calls { get; private set; }

    public Exception? NextException { get; set; }

    public KeyspaceDescriptor? LastCreated { get; private set; }

    public IdempotencyStamp? LastStamp { get; private set; }

    public Task<IReadOnlyList<KeyspaceDescriptor>> ListAsync(CancellationToken cancellationToken)
    {
        Enter();
        return Task.FromResult<IReadOnlyList<KeyspaceDescriptor>>([.. _keyspaces.Values]);
    }

    public Task<KeyspaceDescriptor?> GetAsync(string name, CancellationToken cancellationToken)
    {
        Enter();
        return Task.FromResult(_keyspaces.GetValueOrDefault(name));
    }

    public Task<KeyspaceChange> CreateAsync(KeyspaceDescriptor keyspace, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        Enter();
        LastCreated = keyspace;
        return Task.FromResult(Once(idempotency, () =>
        {
            if (!_keyspaces.TryGetValue(keyspace.Name, out var there))
            {
                _keyspaces.Add(keyspace.Name, keyspace);
                return new KeyspaceChange(keyspace, Created: true, IsRepeated: false);
            }

            return there.Partitioning == keyspace.Partitioning && there.Partitions == keyspace.Partitions && there.Retention == keyspace.Retention && there.DefaultIsolation == keyspace.DefaultIsolation
                ? new KeyspaceChange(there, Created: false, IsRepeated: false)
                : throw new GrainDbException(Failure.NotApplied(ErrorCode.KeyspaceExists, "It exists with another configuration."));
        }));
    }

    public Task<KeyspaceChange> UpdateAsync(string name, KeyspacePatch patch, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        Enter();
        return Task.FromResult(Once(idempotency, () =>
        {
            Require(name);
            _keyspaces[name] = _keyspaces[name] with { Retention = patch.Retention ?? _keyspaces[name].Retention, DefaultIsolation = patch.DefaultIsolation ?? _keyspaces[name].DefaultIsolation, Generation = _keyspaces[name].Generation + 1 };
            return new KeyspaceChange(_keyspaces[name], Created: false, IsRepeated: false);
        }));
    }

    public Task<KeyspaceChange> DeleteAsync(string name, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        Enter();
        return Task.FromResult(Once(idempotency, () =>
        {
            Require(name);
            _keyspaces.Remove(name, out var deleted);
            return new KeyspaceChange(deleted!, Created: false, IsRepeated: false);
        }));
    }

    private KeyspaceChange Once(IdempotencyStamp? stamp, Func<KeyspaceChange> change)
    {
        LastStamp = stamp;
        if (stamp is null)
            return change();
        if (_stamps.TryGetValue(stamp.Key, out var there))
        {
            return there.Hash == stamp.RequestHash
                ? there.Change with { IsRepeated = true }
                : throw new GrainDbException(Failure.NotApplied(ErrorCode.IdempotencyMismatch, "The key was used for another request."));
        }

        var done = change();
        _stamps.Add(stamp.Key, (stamp.RequestHash, done));
        return done;
    }

    private void Require(string name)
    {
        if (!_keyspaces.ContainsKey(name))
            throw new GrainDbException(Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{name}'."));
    }

    private void Enter()
    {
        Calls++;
        if (NextException is not { } exception)
            return;
        NextException = null;
        throw exception;
    }
}
