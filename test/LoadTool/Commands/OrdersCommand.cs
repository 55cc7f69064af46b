using System.Diagnostics;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Orders;

namespace GrainDb.LoadTool.Commands;

/// <summary><c>loadtool orders</c>: measures whole orders, from placing to their end, and audits the books afterwards.</summary>
internal static class OrdersCommand
{
    private const int MaxPrinted = 20;

    private static readonly string[] Options = ["endpoints", "clients", "orders", "duration", "warmup", "mix"];

    /// <summary>Runs it.</summary>
    /// <returns>0 when every order ended and the books are right, else 1.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var arguments = Arguments.Parse(args, Options, []);
        string[] endpoints = [.. Endpoint.ParseAll(arguments.List("endpoints")).Select(endpoint => endpoint.Address.GetLeftPart(UriPartial.Authority))];
        var clients = arguments.Integer("clients", 64, 1, 1024);
        var orders = arguments.Integer("orders", 1_000_000, 1, 10_000_000);
        var duration = arguments.Duration("duration", TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        var warmup = arguments.Duration("warmup", TimeSpan.FromSeconds(3), TimeSpan.Zero, TimeSpan.FromMinutes(5));
        var isGood = arguments.Choice("mix", "full", "full", "good") == "good";

        var name = $"r{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds():x}";
        if (warmup > TimeSpan.Zero)
        {
            using var warm = new OrderRun(endpoints, $"{name}w", isGood);
            await warm.SetUpAsync(cancellationToken);
            await warm.RunAsync(clients, (_, ran) => ran < warmup, cancellationToken);
        }

        using var run = new OrderRun(endpoints, name, isGood);
        await run.SetUpAsync(cancellationToken);
        var took = Stopwatch.StartNew();
        await run.RunAsync(clients, (place, ran) => place <= orders && ran < duration, cancellationToken);
        took.Stop();
        Print(run.Orders, took.Elapsed, clients);
        var violations = await run.AuditAsync(cancellationToken);
        foreach (var violation in violations.Take(MaxPrinted))
            Console.WriteLine($"VIOLATION: {violation}");
        Console.WriteLine(violations.Count == 0 ? "the books are right" : $"{violations.Count} violations");
        return violations.Count == 0 && run.Orders.Count > 0 ? 0 : 1;
    }

    private static void Print(IReadOnlyCollection<PlacedOrder> orders, TimeSpan took, int clients)
    {
        var times = orders.Select(order => order.Took.TotalMilliseconds).Order().ToList();
        Console.WriteLine($"{orders.Count} orders in {took.TotalSeconds:0.0} s from {clients} clients: {orders.Count / took.TotalSeconds:0} per second");
        Console.WriteLine(string.Join(", ", orders.CountBy(order => order.Status).OrderBy(status => status.Key, StringComparer.Ordinal).Select(status => $"{status.Key} {status.Value}")));
        if (times.Count > 0)
            Console.WriteLine($"start to end: p50 {At(times, 0.5):0} ms, p90 {At(times, 0.9):0} ms, p99 {At(times, 0.99):0} ms, max {times[^1]:0} ms");
    }

    private static double At(List<double> sorted, double quantile) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * quantile))];
}
