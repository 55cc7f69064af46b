using System.Collections.Frozen;
using GrainDb.Engine.Sagas;

namespace GrainDb.Grains.Sagas;

/// <summary>Who carries out steps on this node, by name. Every node of a cluster has the same.</summary>
internal sealed class SagaServiceRegistry
{
    private readonly FrozenDictionary<string, ISagaService> _services;

    public SagaServiceRegistry(IEnumerable<ISagaService> services) =>
        _services = services.ToFrozenDictionary(service => service.Name, StringComparer.Ordinal);

    /// <summary>The service; null when there is none of that name.</summary>
    public ISagaService? Find(string name) => _services.GetValueOrDefault(name);

    /// <summary>What a definition asks for that no service offers.</summary>
    public IEnumerable<string> FindProblems(SagaDefinition definition)
    {
        foreach (var step in definition.Steps)
        {
            if (Find(step.Service) is not { } service)
                yield return $"step '{step.Name}': there is no service '{step.Service}'; there are {string.Join(", ", _services.Keys.Order(StringComparer.Ordinal))}";
            else if (!service.Actions.TryGetValue(step.Action, out var compensation))
                yield return $"step '{step.Name}': service '{step.Service}' has no action '{step.Action}'; it has {string.Join(", ", service.Actions.Keys.Order(StringComparer.Ordinal))}";
            else if (step.Compensation is not null && step.Compensation != compensation)
                yield return $"step '{step.Name}': '{step.Action}' of service '{step.Service}' is undone by {(compensation is null ? "nothing" : $"'{compensation}'")}, not by '{step.Compensation}'";
        }
    }
}
