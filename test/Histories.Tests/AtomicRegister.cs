using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Tests;

/// <summary>
/// Histories of a register that is atomic by construction: every operation takes effect at one point between call and answer, or, when
/// its outcome is unknown, at one point after its call or never. Points are drawn first, the clients see them from outside.
/// </summary>
internal sealed class AtomicRegister(int seed, int clients, int operations, double unknown)
{
    private const int LongestDelay = 40;

    private readonly Random _random = new(seed);
    private readonly List<KeyVersion> _versions = [];
    private SeenState _state = SeenState.Absent;
    private ulong _clock;

    /// <summary>Every version that there ever was.</summary>
    public IReadOnlyList<KeyVersion> Versions => _versions;

    public List<Operation> Run()
    {
        var free = new long[clients];
        var planned = new List<(Operation Operation, long Point, bool Happens)>();
        for (var number = 0; number < operations; number++)
        {
            var client = Array.IndexOf(free, free.Min());
            var invoked = free[client] + _random.Next(5);
            var returned = invoked + 1 + _random.Next(LongestDelay);
            free[client] = returned + 1;
            var operation = new Operation { Client = $"c{client}", Key = "k", Kind = Kind(), Value = $"v{number}", Invoked = invoked, Returned = returned };
            if (operation.Kind != OperationKind.Put)
                operation = operation with { Value = null };
            var isUnknown = operation.Kind != OperationKind.Read && _random.NextDouble() < unknown;
            var point = isUnknown ? invoked + _random.Next(10 * LongestDelay) : invoked + _random.Next((int)(returned - invoked) + 1);
            planned.Add((isUnknown ? operation with { Returned = long.MaxValue } : operation, point, !isUnknown || _random.Next(2) == 0));
        }

        var done = new List<Operation>();
        foreach (var (operation, _, happens) in planned.OrderBy(plan => plan.Point).ThenBy(plan => plan.Operation.Invoked).ToList())
            done.Add(happens ? Happen(operation) : operation with { Condition = Condition(operation.Kind) });
        return [.. done.OrderBy(operation => operation.Invoked).Select((operation, number) => operation with { Number = number })];
    }

    private OperationKind Kind() => _random.Next(10) switch
    {
        < 4 => OperationKind.Read,
        < 9 => OperationKind.Put,
        _ => OperationKind.Delete,
    };

    private WriteCondition Condition(OperationKind kind) => kind == OperationKind.Read ? default : _random.Next(6) switch
    {
        0 => new(ConditionKind.Exists, default),
        1 => new(ConditionKind.NotExists, default),
        2 or 3 when _versions.Count > 0 => new(ConditionKind.VersionEquals, _versions[Math.Max(0, _versions.Count - 1 - _random.Next(2))].Version),
        _ => default,
    };

    private Operation Happen(Operation operation)
    {
        var isUnknown = operation.Returned == long.MaxValue;
        if (operation.Kind == OperationKind.Read)
            return operation with { Outcome = OperationOutcome.Ok, Seen = _state, ReadAt = new(_clock) };
        operation = operation with { Condition = Condition(operation.Kind) };
        var before = _state;
        var holds = operation.Condition.Kind switch
        {
            ConditionKind.Exists => !before.IsAbsent,
            ConditionKind.NotExists => before.IsAbsent,
            ConditionKind.VersionEquals => before.Version == operation.Condition.Version,
            _ => true,
        };
        if (!holds)
            return isUnknown ? operation : operation with { Outcome = OperationOutcome.Mismatch, Seen = before with { Value = null } };
        var version = new Timestamp(_clock += 1 + (ulong)_random.Next(3));
        if (operation.Kind == OperationKind.Put || !before.IsAbsent)
        {
            _versions.Add(new(version, operation.Value));
            _state = operation.Kind == OperationKind.Put ? new(operation.Value, version) : SeenState.Absent;
        }

        return isUnknown ? operation : operation with { Outcome = OperationOutcome.Ok, Version = version, Existed = !before.IsAbsent };
    }
}
