using System.ComponentModel;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Api.Ring;

/// <summary>The body of <c>POST /v1/ring/plan</c>: any mixture.</summary>
public sealed record RingPlanBody
{
    [Description("Nodes to add.")]
    public List<PlannedNodeBody?>? Add { get; init; }

    [Description("Names of nodes to remove.")]
    public List<string?>? Remove { get; init; }

    [Description("New weights by node name.")]
    public Dictionary<string, double>? Weights { get; init; }

    /// <summary>The checked request.</summary>
    internal RingPlanRequest Bind()
    {
        var add = new List<PlannedNode>();
        var names = new HashSet<string>();
        foreach (var node in Add ?? [])
            add.Add(BindNode(node, $"add[{add.Count}]", names));

        var remove = new List<string>();
        foreach (var name in Remove ?? [])
        {
            CheckName(name, $"remove[{remove.Count}]", names);
            remove.Add(name!);
        }

        foreach (var (name, weight) in Weights ?? [])
        {
            CheckName(name, $"weights['{QueryParameters.Shorten(name)}']", names);
            CheckWeight(weight, $"weights['{name}']");
        }

        if (names.Count == 0)
            throw BadInput.Request("The plan changes nothing: give add, remove or weights.");
        if (names.Count > RingLimits.MaxPlannedNodes)
            throw BadInput.Request($"The plan names {names.Count} nodes; the limit is {RingLimits.MaxPlannedNodes}.");
        return new RingPlanRequest(add, remove, Weights ?? []);
    }

    private static PlannedNode BindNode(PlannedNodeBody? node, string where, HashSet<string> names)
    {
        if (node is null)
            throw BadInput.Request($"{where} is null.");
        CheckName(node.Name, $"{where}.name", names);
        var weight = node.Weight ?? 1;
        CheckWeight(weight, $"{where}.weight");
        if (string.IsNullOrEmpty(node.Region) || node.Region.Length > RingLimits.MaxNameLength)
            throw BadInput.Request($"{where}.region must have 1 to {RingLimits.MaxNameLength} characters.");
        return new PlannedNode(node.Name!, node.Region, weight);
    }

    private static void CheckName(string? name, string where, HashSet<string> names)
    {
        if (!RingLimits.IsNodeName(name))
            throw BadInput.Request($"{where} is '{QueryParameters.Shorten(name ?? "null")}'; a node name is {RingLimits.NameRule}.");
        if (!names.Add(name!))
            throw BadInput.Request($"{where}: the plan names the node '{name}' twice.");
    }

    private static void CheckWeight(double weight, string where)
    {
        if (!(weight > 0 && weight <= RingLimits.MaxWeight))
            throw BadInput.Request($"{where} is {weight}; a weight is above 0 and at most {RingLimits.MaxWeight}.");
    }
}

/// <summary>A node to add.</summary>
public sealed record PlannedNodeBody
{
    public string? Name { get; init; }

    public string? Region { get; init; } = RingLimits.DefaultRegion;

    [Description("1 by default.")]
    public double? Weight { get; init; }
}
