using GrainDb.Grains.Hosting;
using GrainDb.Grains.Sagas.Http;
using GrainDb.Silo.Hosting;

namespace GrainDb.Silo.Configuration;

/// <summary>
/// Reads which services sagas may call over HTTP: <c>SagaTargets</c>, the schemes, hosts and ports that may be called at all, and <c>SagaServices</c>, by name, each with <c>Url</c> and
/// <c>Actions</c>, a map from an action to the one that undoes it (empty: none). Without both there are none.
/// </summary>
internal sealed class SagaHttpReader(IConfigurationSection section)
{
    public SagaHttpOptions Read()
    {
        var targets = Targets();
        var services = section.GetSection(Setting.SagaServices.Key).GetChildren().Select(child => Service(child, targets)).ToList();
        return services.Count <= HttpServiceOptions.MaxServices
            ? new SagaHttpOptions(targets, services)
            : throw Refused(section.GetSection(Setting.SagaServices.Key), $"{services.Count} services: at most {HttpServiceOptions.MaxServices}");
    }

    private HashSet<string> Targets()
    {
        var setting = section.GetSection(Setting.SagaTargets.Key);
        var children = setting.GetChildren().Select(child => child.Value ?? "").ToList();
        var texts = children.Count > 0 ? children : [.. (setting.Value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        return
        [
            .. texts.Select(text => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                && url.PathAndQuery == "/" && url.UserInfo.Length == 0 && url.Fragment.Length == 0 && url.Host.Length > 0
                    ? SagaHttpOptions.TargetOf(url)
                    : throw Refused(setting, "each must be http://HOST:PORT or https://HOST:PORT")),
        ];
    }

    private static HttpServiceOptions Service(IConfigurationSection service, HashSet<string> targets)
    {
        if (service.GetChildren().FirstOrDefault(child => child.Key is not ("Url" or "Actions")) is { } unknown)
            throw Refused(unknown, "unknown setting, must be Url or Actions");
        if (GrainDbNode.BuiltInServices.Contains(service.Key, StringComparer.OrdinalIgnoreCase))
            throw Refused(service, "this is a service of GrainDb itself, take another name");
        if (!Uri.TryCreate(service["Url"], UriKind.Absolute, out var url))
            throw Refused(service, "needs Url, http:// or https://");
        var actions = service.GetSection("Actions").GetChildren().ToDictionary(action => action.Key, action => string.IsNullOrEmpty(action.Value) ? null : action.Value, StringComparer.Ordinal);
        var options = new HttpServiceOptions(service.Key, url, actions);
        if (options.WhyNot() is { } problem)
            throw Refused(service, problem);
        return targets.Contains(SagaHttpOptions.TargetOf(url))
            ? options
            : throw Refused(service, $"{SagaHttpOptions.TargetOf(url)} is not among {Setting.Section}:{Setting.SagaTargets.Key}, the targets that may be called");
    }

    private static StartRefusedException Refused(IConfigurationSection where, string why) => new($"{where.Path}: {why}");
}
